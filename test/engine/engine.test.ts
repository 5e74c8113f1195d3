import { expect, test } from 'vitest';
import type { ModelRunner, TokenBatch } from '../../src/backends/model-runner.ts';
import type { EngineEvent } from '../../src/core/events.ts';
import { policies } from '../../src/core/policies/registry.ts';
import { completeParams } from '../../src/engine/complete-params.ts';
import type { GenerationRequest } from '../../src/engine/generation-request.ts';
import type { RequestOutput, SampleUpdate } from '../../src/engine/outputs.ts';
import { Metrics } from '../../src/sim/metrics.ts';
import { Recorder } from '../../src/trace/recorder.ts';
import { FeedingRunner } from '../support/feeding-runner.ts';
import { alone, type TinyOptions, tinyEngine } from '../support/tiny-engine.ts';
import { tinyConfig } from '../support/tiny-model.ts';

const config = tinyConfig();
const greedy = completeParams({ temperature: 0, maxTokens: 8, ignoreEos: true });

/** Tokens as letters, for stop strings: a to z and on. */
const detokenizer = () => ({ push: (id: number) => String.fromCharCode(97 + id), flush: () => '' });

async function watched(options: TinyOptions = {}) {
  const batches: TokenBatch[] = [];
  const engine = await tinyEngine({
    ...options,
    wrap: runner => ({
      config: runner.config,
      blockSize: runner.blockSize,
      numBlocks: runner.numBlocks,
      run: batch => {
        batches.push(batch);
        return runner.run(batch);
      },
      dispose: () => runner.dispose(),
    }),
  });
  return { engine, batches };
}

test('updates add up to the output, times are in order', async () => {
  const { engine } = await watched({ detokenizer });
  const updates: SampleUpdate[] = [];
  let output: RequestOutput | undefined;
  engine.add({
    prompt: 'two',
    promptTokenIds: [4, 5, 6],
    params: completeParams({ temperature: 1, seed: 4, maxTokens: 10, n: 2, ignoreEos: true, logprobs: 2 }),
    onUpdate: update => updates.push(update),
    onFinish: result => {
      output = result;
    },
  });
  await engine.drain();
  expect(output).toMatchObject({ prompt: 'two', promptTokenIds: [4, 5, 6] });
  for (const sample of output!.outputs) {
    const own = updates.filter(({ index }) => index === sample.index);
    expect(own.flatMap(({ tokenIds }) => tokenIds)).toEqual(sample.tokenIds);
    expect(own.map(({ text }) => text).join('')).toBe(sample.text);
    expect(own.flatMap(({ logprobs }) => logprobs)).toEqual(sample.logprobs);
    expect(own.map(({ finishReason }) => finishReason)).toEqual([...Array(9).fill(undefined), 'length']);
    expect(sample.text).toBe(String.fromCharCode(...sample.tokenIds.map(id => 97 + id)));
    const sum = sample.logprobs!.reduce((total, { logprob }) => total + logprob, 0);
    expect(sample.cumulativeLogprob).toBeCloseTo(sum, 9);
    for (const { top } of sample.logprobs!) expect(top).toHaveLength(2);
  }
  expect(output!.outputs[0]!.tokenIds).not.toEqual(output!.outputs[1]!.tokenIds);
  const { arrival, firstScheduled, firstToken, lastToken, finished } = output!.metrics;
  expect([arrival, firstScheduled, firstToken, lastToken, finished]).toEqual(
    [arrival, firstScheduled, firstToken, lastToken, finished].toSorted((a, b) => a - b),
  );
});

test('an output ends at its stop string, its stop token or the end of sequence, and says so', async () => {
  const tokens = await alone(config, [7, 8], { temperature: 0, maxTokens: 12, ignoreEos: true });
  const text = String.fromCharCode(...tokens.map(id => 97 + id));
  const run = async (params: Parameters<typeof completeParams>[0], eos: readonly number[] = []) => {
    const engine = await tinyEngine({ detokenizer, config: tinyConfig({ eosTokenIds: eos }) });
    let output: RequestOutput | undefined;
    engine.add({
      promptTokenIds: [7, 8],
      params: completeParams({ temperature: 0, maxTokens: 12, ...params }),
      onFinish: result => {
        output = result;
      },
    });
    await engine.drain();
    return output!.outputs[0]!;
  };
  const at = tokens.findIndex((token, i) => i >= 4 && tokens.indexOf(token) === i);
  expect(at).toBeGreaterThan(3);
  const stop = text.slice(at - 1, at + 1);
  const end = text.indexOf(stop);
  expect(await run({ stop })).toMatchObject({
    text: text.slice(0, end),
    tokenIds: tokens.slice(0, end + 2),
    finishReason: 'stop',
    stopReason: stop,
  });
  const ended = { text: text.slice(0, at), tokenIds: tokens.slice(0, at + 1), finishReason: 'stop' };
  expect(await run({ stopTokenIds: [tokens[at]!] })).toMatchObject({ ...ended, stopReason: tokens[at] });
  expect(await run({}, [tokens[at]!])).toMatchObject({ ...ended, stopReason: undefined });
  expect(await run({ ignoreEos: true }, [tokens[at]!])).toMatchObject({
    tokenIds: tokens,
    finishReason: 'length',
  });
  // Neither drawn nor, then, ending anything before its time.
  const later = await run({ minTokens: at + 2 }, [tokens[at]!]);
  expect(later.tokenIds.slice(0, at)).toEqual(tokens.slice(0, at));
  expect(later.tokenIds.length).toBeGreaterThan(at + 1);
  expect(later.tokenIds.slice(0, at + 2)).not.toContain(tokens[at]);
});

test('what cannot be served is rejected, what makes no sense is refused', async () => {
  const engine = await tinyEngine({ maxModelLen: 20 });
  const prompt = Array<number>(20).fill(3);
  expect(engine.add({ promptTokenIds: prompt, params: greedy })).toEqual({
    rejected: 'prompt of 20 tokens, the context is 20',
  });
  expect(() => engine.add({ promptTokenIds: [], params: greedy })).toThrow('the prompt has no tokens');
  expect(() => engine.add({ promptTokenIds: [3, 64], params: greedy })).toThrow(
    "token id 64, but the model's ids are 0 to 63",
  );
  expect(() => engine.add({ promptTokenIds: [3], params: completeParams({ stop: 'x' }) })).toThrow(
    'need a tokenizer',
  );
  expect(await engine.step()).toBe(false);
});

test('an aborted request gives its memory back and its output as far as it came', async () => {
  const { engine } = await watched();
  let output: RequestOutput | undefined;
  const request = engine.add({
    promptTokenIds: [3, 4],
    params: completeParams({ temperature: 0, maxTokens: 30, ignoreEos: true }),
    onUpdate: () => expect(output).toBeUndefined(),
    onFinish: result => {
      output = result;
    },
  }) as GenerationRequest;
  for (let i = 0; i < 3; i++) await engine.step();
  const step = engine.step();
  expect(engine.abort(request)).toBe(true);
  await step;
  expect(engine.abort(request)).toBe(false);
  expect(output!.outputs[0]).toMatchObject({ finishReason: 'abort' });
  expect(output!.outputs[0]!.tokenIds).toHaveLength(3);
  expect(await engine.step()).toBe(false);
  const { token, reserved } = engine.scheduler.memory.usage();
  expect([token, reserved]).toEqual([0, 0]);
});

test('a prompt shared within one step is computed once: its blocks are found while they are being filled', async () => {
  const { engine, batches } = await watched();
  const prompt = [9, 8, 7, 6, 5, 4, 3, 10, 11];
  const outputs: RequestOutput[] = [];
  for (let i = 0; i < 2; i++)
    engine.add({ promptTokenIds: prompt, params: greedy, onFinish: o => outputs.push(o) });
  await engine.step();
  // All nine of the first; of the second only what follows the two full blocks.
  expect([...batches[0]!.rowStarts]).toEqual([0, 9, 10]);
  await engine.drain();
  const expected = await alone(config, prompt, greedy);
  for (const output of outputs) expect(output.outputs[0]!.tokenIds).toEqual(expected);
});

test('samples of a prompt share its one row, and copy the block they fork in', async () => {
  const { engine, batches } = await watched();
  const params = completeParams({ temperature: 1, n: 3, maxTokens: 4, ignoreEos: true });
  engine.add({ promptTokenIds: [9, 8, 7, 6, 5, 4], params });
  await engine.drain();
  const [prefill, decode] = batches;
  expect([prefill!.rowStarts.length - 1, prefill!.draws.map(({ row }) => row)]).toEqual([1, [0, 0, 0]]);
  expect(new Set(prefill!.draws.map(({ seed }) => seed)).size).toBe(3);
  expect(decode!.rowStarts.length - 1).toBe(3);
  // Of three that share a tail, the last keeps it.
  expect(decode!.copies.length).toBe(4);
  const table = (row: number) => [
    ...decode!.tables.slice(row * decode!.tableWidth, (row + 1) * decode!.tableWidth),
  ];
  expect(new Set([0, 1, 2].map(row => table(row)[0])).size).toBe(1);
  expect(new Set([0, 1, 2].map(row => table(row)[1])).size).toBe(3);
});

test('a static batch goes on computing the rows that have ended, and gives their tokens to nobody', async () => {
  for (const policy of ['hf-static', 'faster-transformer', 'deepspeed-static']) {
    const { engine, batches } = await watched({ policy });
    const outputs: RequestOutput[] = [];
    for (const maxTokens of [2, 6]) {
      const params = completeParams({ temperature: 0, maxTokens, ignoreEos: true });
      engine.add({ promptTokenIds: [9, 8, 7], params, onFinish: o => outputs.push(o) });
    }
    await engine.drain();
    expect(batches.map(({ rowStarts }) => rowStarts.length - 1)).toEqual([2, 2, 2, 2, 2, 2]);
    // The ended row decodes its last computed position again and again, in its own slot.
    const held = batches
      .slice(2)
      .map(({ positions, slots, contexts }) => [positions[1], slots[1], contexts[1]]);
    expect(new Set(held.map(row => row.join())).size).toBe(1);
    expect(held[0]![0]).toBe(3);
    expect(outputs.map(({ outputs: [only] }) => only!.tokenIds.length)).toEqual([2, 6]);
    const expected = await alone(config, [9, 8, 7], { temperature: 0, maxTokens: 6, ignoreEos: true });
    expect(outputs[1]!.outputs[0]!.tokenIds).toEqual(expected);
  }
});

test('where tokens may feed the next step unread, two steps are in flight, and limits cost no step in vain', async () => {
  const counted = { rows: 0 };
  let feeding: FeedingRunner | undefined;
  const metrics = new Metrics();
  const engine = await tinyEngine({
    listener: metrics,
    wrap: runner => {
      const counting: ModelRunner = {
        config: runner.config,
        blockSize: runner.blockSize,
        numBlocks: runner.numBlocks,
        run: batch => {
          counted.rows += batch.contexts.length;
          return runner.run(batch);
        },
        dispose: () => runner.dispose(),
      };
      feeding = new FeedingRunner(counting);
      return feeding;
    },
  });
  for (const maxTokens of [3, 8]) {
    engine.add({
      promptTokenIds: [4, 5, 6],
      params: completeParams({ temperature: 0, maxTokens, ignoreEos: true }),
    });
  }
  await engine.drain();
  expect(feeding!.deepest).toBe(2);
  expect(counted.rows).toBe(3 + 8);
  // Time is counted once, though steps overlap.
  expect(metrics.busy).toBeLessThanOrEqual(metrics.lastEnd);
  expect(metrics.outputTokens).toBe(11);
});

test('behind a sliding window tables name no block', async () => {
  const { engine, batches } = await watched({ config: tinyConfig({ slidingWindow: 5 }) });
  engine.add({
    promptTokenIds: [9, 8, 7, 6, 5, 4, 3],
    params: completeParams({ temperature: 0, maxTokens: 9, ignoreEos: true }),
  });
  await engine.drain();
  expect([...batches.at(-1)!.tables].slice(0, 2)).toEqual([-1, -1]);
});

test('a request that brings no seed draws by the seed of the engine, whatever runs beside it', async () => {
  const tokens = async (seed: number, beside: number) => {
    const engine = await tinyEngine({ seed });
    let output: RequestOutput | undefined;
    const params = completeParams({ temperature: 1, maxTokens: 12, ignoreEos: true });
    engine.add({
      promptTokenIds: [3],
      params,
      onFinish: result => {
        output = result;
      },
    });
    for (let i = 0; i < beside; i++) engine.add({ promptTokenIds: [3], params });
    await engine.drain();
    return output!.outputs[0]!.tokenIds;
  };
  expect(await tokens(1, 0)).toEqual(await tokens(1, 3));
  expect(await tokens(1, 0)).not.toEqual(await tokens(2, 0));
});

test('waits for requests until it is told to stop, and says that it was idle', async () => {
  const events: EngineEvent[] = [];
  const engine = await tinyEngine({ listener: { detail: false, on: event => events.push(event) } });
  const stop = new AbortController();
  const running = engine.run(stop.signal);
  for (let i = 0; i < 3; i++) {
    await new Promise<void>(resolve => {
      setTimeout(() => engine.add({ promptTokenIds: [3 + i], params: greedy, onFinish: () => resolve() }), 3);
    });
  }
  stop.abort();
  await running;
  expect(events.filter(({ type }) => type === 'finished')).toHaveLength(3);
  const idle = events.filter(event => event.type === 'idle');
  expect(idle.length).toBeGreaterThanOrEqual(3);
  for (const { time, end } of idle) expect(end).toBeGreaterThanOrEqual(time);
});

test.each(policies.map(({ name }) => name))(
  '%s: metrics and a recording of a real run say what a simulation would',
  async policy => {
    const metrics = new Metrics();
    const recorder = new Recorder();
    const engine = await tinyEngine({
      policy,
      blocks: 48,
      maxNumSeqs: 3,
      listener: {
        detail: true,
        on(event) {
          metrics.on(event);
          recorder.on(event);
        },
      },
    });
    recorder.attach({ memory: engine.scheduler.memory, scheduler: engine.scheduler });
    const requests = [3, 6, 2, 5, 8].map((maxTokens, i) => {
      const params = completeParams({ temperature: 0, maxTokens, ignoreEos: true });
      return engine.add({ promptTokenIds: Array.from({ length: 5 + i }, (_, j) => 3 + i + j), params });
    });
    await engine.drain();
    const accepted = requests.filter(request => 'samples' in request);
    expect(metrics.completed).toBe(accepted.length);
    expect(accepted.length).toBeGreaterThan(2);
    expect(metrics.outputTokens).toBe(accepted.reduce((sum, { params }) => sum + params.maxTokens, 0));
    const recording = recorder.finish(policy, {});
    expect(recording.steps.count).toBe(metrics.steps);
    const kinds = Object.values(recording.steps.usage);
    for (let step = 0; step < recording.steps.count; step++) {
      expect(recording.steps.end[step]).toBeGreaterThanOrEqual(recording.steps.time[step]!);
      expect(kinds.reduce((sum, kind) => sum + kind[step]!, 0)).toBe(recording.memory.capacity);
    }
    for (const [i, recorded] of recording.requests.filter(({ end }) => end === 'finished').entries()) {
      const request = accepted[i]!;
      expect(recorded.outputTokens).toBe(request.params.maxTokens);
      expect(recorded.firstToken).toBe(request.firstToken);
      expect(recorded.admitted).toBeGreaterThanOrEqual(recorded.arrival);
    }
  },
);

test('a step that flies ahead of an end nobody knew of is recorded, too', async () => {
  const recorder = new Recorder();
  const engine = await tinyEngine({ listener: recorder, wrap: runner => new FeedingRunner(runner) });
  recorder.attach({ memory: engine.scheduler.memory, scheduler: engine.scheduler });
  const stopTokenIds = Array.from({ length: 30 }, (_, i) => 20 + i);
  const outputs: RequestOutput[] = [];
  for (let seed = 0; seed < 6; seed++) {
    engine.add({
      promptTokenIds: [4, 5, 6 + seed],
      params: completeParams({ temperature: 1, seed, maxTokens: 20, stopTokenIds }),
      onFinish: output => outputs.push(output),
    });
  }
  await engine.drain();
  expect(outputs.filter(({ outputs: [sample] }) => sample!.finishReason === 'stop').length).toBeGreaterThan(
    2,
  );
  const { requests, steps } = recorder.finish('vllm', {});
  const lengths = outputs.toSorted((a, b) => a.requestId - b.requestId);
  expect(requests.map(({ outputTokens }) => outputTokens)).toEqual(
    lengths.map(({ outputs: [sample] }) => sample!.tokenIds.length),
  );
  expect(Math.max(...steps.end)).toBeLessThanOrEqual(engine.clock());
});
