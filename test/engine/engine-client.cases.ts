import { expect, test } from 'vitest';
import type { Ask, EngineClient } from '../../src/engine/engine-client.ts';
import { decodeRecordings } from '../../src/trace/recording-file.ts';
import { alone } from '../support/tiny-engine.ts';
import { tinyConfig } from '../support/tiny-model.ts';
import { add, ask, Listening, until } from './listening.ts';
import type { TinyServing } from './tiny-serving.ts';

const config = tinyConfig();
const greedy = (maxTokens: number) => ({ temperature: 0, maxTokens, ignoreEos: true });
const text = (tokens: readonly number[]) => String.fromCharCode(...tokens.map(id => 97 + id));

/** What every `EngineClient` keeps. @param open a tiny engine; the cases close it. */
export function engineClientCases(open: (options?: TinyServing) => Promise<EngineClient>): void {
  const withEngine = async (
    use: (client: EngineClient) => Promise<void>,
    options?: TinyServing,
  ): Promise<void> => {
    const client = await open(options);
    try {
      await use(client);
    } finally {
      await client.close();
    }
  };

  test('says what it runs on, and what it does before anything has happened', () =>
    withEngine(async client => {
      expect(client.info).toMatchObject({
        policy: 'vllm',
        backend: 'reference',
        device: 'the CPU',
        dtype: 'f32',
        config: { vocab: 64, eosTokenIds: [2] },
        limits: { blockSize: 4, maxModelLen: 64 },
        memory: { kind: 'paged', blockSize: 4, numBlocks: 64 },
      });
      expect(client.info.loadSeconds).toBeGreaterThan(0);
      expect(client.failure).toBeUndefined();
      expect(client.stats()).toMatchObject({ running: 0, waiting: 0, steps: 0, usage: { free: 256 } });
    }));

  test('updates add up to the output, in order, and the ids are those of the ticket', () =>
    withEngine(async client => {
      const question = ask([4, 5, 6], {
        temperature: 1,
        seed: 4,
        maxTokens: 10,
        n: 2,
        ignoreEos: true,
        logprobs: 2,
        logitBias: { 7: 1 },
      });
      const heard = await add(client, question);
      const output = await heard.output();
      expect(output.requestId).toBe(heard.ticket.id);
      expect(output.promptTokenIds).toEqual([4, 5, 6]);
      expect(output.outputs).toHaveLength(2);
      for (const sample of output.outputs) {
        const own = heard.updates.filter(({ index }) => index === sample.index);
        expect(own.every(({ requestId }) => requestId === heard.ticket.id)).toBe(true);
        expect(own.flatMap(({ tokenIds }) => tokenIds)).toEqual(sample.tokenIds);
        expect(own.map(update => update.text).join('')).toBe(sample.text);
        expect(own.flatMap(({ logprobs }) => logprobs)).toEqual(sample.logprobs);
        expect(own.map(({ finishReason }) => finishReason)).toEqual([...Array(9).fill(undefined), 'length']);
        expect(sample.text).toBe(text(sample.tokenIds));
      }
      expect(heard.calls).toEqual([...Array(20).fill('update'), 'over']);
    }));

  test('every step counts by its tokens, with a prompt in one piece or in several', () =>
    withEngine(
      async client => {
        const steps = async (prompt: number[]) => {
          const before = client.stats().stepTokens;
          await (await add(client, ask(prompt, greedy(10)))).output();
          await until(() => client.stats().running === 0);
          const after = client.stats().stepTokens;
          return [after.sum - before.sum, ...after.counts.map((count, i) => count - before.counts[i]!)];
        };
        // Up to 1, 8, 16, 32 … tokens: the prompt with its first token, then one token a step.
        expect(await steps(Array(15).fill(5))).toEqual([25, 9, 0, 1, ...Array(11).fill(0)]);
        // 17 + 17 + 6 and a first token.
        expect(await steps(Array(40).fill(7))).toEqual([50, 9, 1, 0, 2, ...Array(10).fill(0)]);
      },
      { maxNumBatchedTokens: 17, maxNumSeqs: 4 },
    ));

  test('a stop string ends the output before it, and none of it was given out', () =>
    withEngine(async client => {
      const tokens = await alone(config, [7, 8], greedy(12));
      const whole = text(tokens);
      const at = whole.indexOf(whole.slice(4, 6));
      const heard = await add(client, ask([7, 8], { ...greedy(12), stop: whole.slice(4, 6) }));
      const { outputs } = await heard.output();
      expect(outputs[0]).toMatchObject({
        text: whole.slice(0, at),
        finishReason: 'stop',
        stopReason: whole.slice(4, 6),
      });
      expect(heard.updates.map(update => update.text).join('')).toBe(whole.slice(0, at));
    }));

  test('what can never be served is refused, and says why', () =>
    withEngine(async client => {
      const refused = async (question: Ask) => {
        const heard = new Listening();
        const error = await client.add(question, heard).then(
          () => undefined,
          reason => reason as Error,
        );
        expect(heard.calls).toEqual([]);
        expect(error!.name).toBe('UsageError');
        return error!.message;
      };
      expect(await refused(ask(Array(64).fill(3), {}))).toBe('prompt of 64 tokens, the context is 64');
      expect(await refused(ask([], {}))).toContain('the prompt has no tokens');
      expect(await refused(ask([3, 64], {}))).toContain("token id 64, but the model's ids are 0 to 63");
      expect(await refused(ask([3, 1.5], {}))).toContain('token id 1.5');
      expect(await refused(ask([3], { n: 2000 }))).toContain('2000 sequences');
      const heard = await add(client, ask([3], greedy(2)));
      expect((await heard.output()).outputs[0]!.tokenIds).toHaveLength(2);
    }));

  test('200 requests at once each get the tokens that they get alone', () =>
    withEngine(
      async client => {
        const questions = Array.from({ length: 200 }, (_, i) => ({
          prompt: [3 + (i % 8), 4, 5, 6, 7 + (i % 3)],
          options: { temperature: i % 2, seed: i % 10, maxTokens: 4 + (i % 5), ignoreEos: true },
        }));
        const heard = await Promise.all(
          questions.map(({ prompt, options }) => add(client, ask(prompt, options))),
        );
        const ids = new Set(heard.map(({ ticket }) => ticket.id));
        expect(ids.size).toBe(200);
        for (const [i, listening] of heard.entries()) {
          const { prompt, options } = questions[i]!;
          const { outputs } = await listening.output();
          expect(outputs[0]!.tokenIds).toEqual(await alone(config, prompt, options));
        }
        await until(() => client.stats().running === 0);
        const stats = client.stats();
        const outputTokens = questions.reduce((sum, { options }) => sum + options.maxTokens, 0);
        expect(stats).toMatchObject({ waiting: 0, promptTokens: 200 * 5, outputTokens, devicesLost: 0 });
        expect(stats.prefixQueries).toBe(200 * 5);
        // A block of four is shared by those with the same beginning.
        expect(stats.prefixHits).toBeGreaterThan(0);
        expect(stats.prefixHits % 4).toBe(0);
        expect(stats.busy).toBeLessThanOrEqual(stats.time);
        const { token, reserved, internal, ...rest } = stats.usage;
        expect([token, reserved, internal]).toEqual([0, 0, 0]);
        expect(rest.cached + rest.free + rest.external).toBe(4 * client.info.memory.numBlocks);
      },
      { blocks: 300 },
    ));

  test('preemptions cost no token, and are counted', () =>
    withEngine(
      async client => {
        const heard = await Promise.all(
          Array.from({ length: 12 }, (_, i) => add(client, ask([3 + i, 4, 5, 6], greedy(40)))),
        );
        for (const [i, listening] of heard.entries()) {
          const { outputs } = await listening.output();
          expect(outputs[0]!.tokenIds).toEqual(await alone(config, [3 + i, 4, 5, 6], greedy(40)));
        }
        await until(() => client.stats().running === 0);
        const { preemptions, recomputedTokens, outputTokens } = client.stats();
        expect(outputTokens).toBe(12 * 40);
        expect(preemptions).toBeGreaterThan(0);
        expect(recomputedTokens).toBeGreaterThan(0);
      },
      { blocks: 40 },
    ));

  test('an abort before, in the middle of and after the output', () =>
    withEngine(async client => {
      const before = await add(client, ask([9, 8], greedy(60)));
      before.ticket.abort();
      const middle = await add(client, ask([3, 4], greedy(60)));
      middle.onUpdate = () => {
        if (middle.updates.length === 5) middle.ticket.abort();
      };
      const after = await add(client, ask([5], greedy(3)));

      expect((await before.output()).outputs[0]).toMatchObject({ finishReason: 'abort' });
      expect((await before.output()).outputs[0]!.tokenIds.length).toBeLessThan(60);
      const { outputs } = await middle.output();
      expect(outputs[0]).toMatchObject({ finishReason: 'abort' });
      expect(outputs[0]!.tokenIds.length).toBeGreaterThanOrEqual(5);
      expect(outputs[0]!.tokenIds.length).toBeLessThan(60);
      expect((await after.output()).outputs[0]).toMatchObject({ finishReason: 'length' });
      for (const { ticket } of [before, middle, after]) ticket.abort();
      await until(() => client.stats().running === 0);
      const { token, reserved, internal } = client.stats().usage;
      expect([token, reserved, internal]).toEqual([0, 0, 0]);
      for (const { calls } of [before, middle, after])
        expect(calls.filter(call => call !== 'update')).toEqual(['over']);
    }));

  test('a listener that throws is told so, and takes nobody with it', () =>
    withEngine(async client => {
      const bad = await add(client, ask([9, 8], greedy(50)));
      bad.onUpdate = () => {
        throw new Error('a bug of the listener');
      };
      const good = await add(client, ask([5, 6], greedy(20)));
      expect(await bad.end).toMatchObject({ message: 'a bug of the listener' });
      expect((await good.output()).outputs[0]!.tokenIds).toHaveLength(20);
      await until(() => client.stats().running === 0);
      expect(bad.calls).toEqual(['update', 'failed']);
    }));

  test('salts keep prefixes apart, and a reset forgets them, with requests running or not', () =>
    withEngine(async client => {
      const prompt = [9, 8, 7, 6, 5, 4, 3, 10, 11];
      const hits = async (cacheSalt?: string) => {
        const question = ask(prompt, greedy(2), cacheSalt === undefined ? {} : { cacheSalt });
        return (await (await add(client, question)).output()).metrics.cachedTokens;
      };
      expect([await hits(), await hits(), await hits('tenant')]).toEqual([0, 8, 0]);
      await client.resetPrefixCache();
      expect([await hits(), await hits()]).toEqual([0, 8]);
      const running = await add(client, ask([20, 21], greedy(60)));
      const reset = new Promise<void>(resolve => {
        running.onUpdate = () => {
          running.onUpdate = undefined;
          resolve(client.resetPrefixCache());
        };
      });
      await reset;
      expect([await hits(), await hits('tenant'), await hits()]).toEqual([0, 0, 8]);
      expect((await running.output()).outputs[0]!.tokenIds).toHaveLength(60);
    }));

  test('who watches is given recordings, who joins the last of them, and who has left none', () =>
    withEngine(async client => {
      const busy = async () => (await add(client, ask([3, 4], greedy(60)))).output();
      const files: Uint8Array[] = [];
      const stop = client.watch!(file => files.push(file));
      while (files.length === 0) await busy();
      const others: Uint8Array[] = [];
      client.watch!(file => others.push(file))();
      expect(others).toEqual([files.at(-1)]);
      const [recording] = await decodeRecordings(files[0]!, 'live');
      expect(recording!.steps.count).toBeGreaterThan(0);
      stop();
      const { length } = files;
      await busy();
      expect([files.length, others.length]).toEqual([length, 1]);
    }));

  test('priority decides who is next', () =>
    withEngine(
      async client => {
        const order: number[] = [];
        const asked = async (i: number) => {
          const listening = await add(client, ask([5 + i, 6], greedy(50), { priority: -i }));
          return { listening, over: listening.output().then(() => order.push(i)) };
        };
        const first = await asked(0);
        await until(() => first.listening.updates.length > 0);
        const others = await Promise.all([asked(1), asked(2)]);
        await Promise.all([first, ...others].map(({ over }) => over));
        expect(order).toEqual([0, 2, 1]);
      },
      { maxNumSeqs: 1, order: 'priority' },
    ));

  test('a lost device is replaced inside, and counted', () =>
    withEngine(
      async client => {
        const questions = [
          [5, 9, 13],
          [21, 3, 4],
        ];
        const heard = await Promise.all(questions.map(prompt => add(client, ask(prompt, greedy(12)))));
        for (const [i, listening] of heard.entries()) {
          const { outputs } = await listening.output();
          expect(outputs[0]!.tokenIds).toEqual(await alone(config, questions[i]!, greedy(12)));
        }
        await until(() => client.stats().running === 0);
        expect(client.stats()).toMatchObject({ devicesLost: 1, preemptions: 2 });
        expect(client.failure).toBeUndefined();
      },
      { at: 5, event: 'lost' },
    ));

  test('when a step throws, every open request hears it once, and later ones are refused', () =>
    withEngine(
      async client => {
        const heard = await Promise.all([5, 6, 7].map(id => add(client, ask([id], greedy(20)))));
        for (const listening of heard) {
          expect(await listening.end).toMatchObject({ message: 'a bug in a kernel' });
          expect(listening.calls.filter(call => call !== 'update')).toEqual(['failed']);
        }
        expect(client.failure).toMatchObject({ message: 'a bug in a kernel' });
        await expect(client.add(ask([5], {}), new Listening())).rejects.toThrow('a bug in a kernel');
        await expect(client.resetPrefixCache()).rejects.toThrow('a bug in a kernel');
        heard[0]!.ticket.abort();
      },
      { at: 4, event: 'throw' },
    ));

  test('close ends what runs and what waits, twice is once, and afterwards nothing is taken', async () => {
    const client = await open({ maxNumSeqs: 2, ahead: true });
    const heard = await Promise.all([5, 6, 7, 8].map(id => add(client, ask([id], greedy(60)))));
    await until(() => heard[0]!.updates.length > 2);
    const late = client.add(ask([9], greedy(60)), new Listening());
    const refused = expect(late).rejects.toThrow('the engine is closed');
    await Promise.all([client.close(), client.close()]);
    await refused;
    for (const listening of heard) {
      const { outputs } = await listening.output();
      expect(outputs[0]!.finishReason).toBe('abort');
      expect(listening.calls.filter(call => call !== 'update')).toEqual(['over']);
    }
    expect(heard[0]!.updates.length).toBeLessThan(60);
    await expect(client.add(ask([5], {}), new Listening())).rejects.toThrow('the engine is closed');
    await client.close();
  });
}
