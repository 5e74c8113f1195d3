import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ModelRunner } from '../../src/backends/model-runner.ts';
import { DeviceLost } from '../../src/backends/webgpu/device-lost.ts';
import { policies } from '../../src/core/policies/registry.ts';
import { completeParams } from '../../src/engine/complete-params.ts';
import type { RequestOutput } from '../../src/engine/outputs.ts';
import { Metrics } from '../../src/sim/metrics.ts';
import { FeedingRunner } from '../support/feeding-runner.ts';
import { alone, type TinyOptions, tinyEngine } from '../support/tiny-engine.ts';
import { tinyConfig } from '../support/tiny-model.ts';
import { expectUsageHolds } from '../support/usage.ts';

const config = tinyConfig({ maxModelLen: 40 });
/** A third of the vocabulary: samples of one request end apart. */
const ends = Array.from({ length: 20 }, (_, i) => 44 + i);

/** Loses its device in the given calls, counted over all runners: before it computes, or with the tokens drawn. */
function failing(calls: readonly number[], state: { calls: number; runners: number; disposed: number }) {
  return (runner: ModelRunner): ModelRunner => {
    state.runners++;
    let lost = false;
    return {
      config: runner.config,
      blockSize: runner.blockSize,
      numBlocks: runner.numBlocks,
      async run(batch) {
        if (lost) throw new Error('a lost device was asked again');
        const call = state.calls++;
        if (!calls.includes(call)) return await runner.run(batch);
        lost = true;
        if (call % 2 === 0) await runner.run(batch);
        throw new DeviceLost('the GPU fell off the bus');
      },
      dispose() {
        state.disposed++;
        runner.dispose();
      },
    };
  };
}

async function play(policy: string, losses: readonly number[], options: TinyOptions = {}, ahead = false) {
  const state = { calls: 0, runners: 0, disposed: 0 };
  const fails = failing(losses, state);
  const metrics = new Metrics();
  const engine = await tinyEngine({
    policy,
    config,
    wrap: runner => (ahead ? new FeedingRunner(fails(runner)) : fails(runner)),
    listener: metrics,
    ...options,
  });
  const asks = [
    {
      prompt: [5, 9, 13, 40, 41, 42, 43, 44, 45, 7],
      params: { temperature: 0, maxTokens: 12, ignoreEos: true },
    },
    {
      prompt: [5, 9, 13, 40, 41, 42, 43, 44, 30],
      params: { temperature: 1, seed: 3, maxTokens: 9, n: 3, stopTokenIds: ends },
    },
    { prompt: [21], params: { temperature: 1, seed: 8, maxTokens: 14, ignoreEos: true } },
    { prompt: [5, 9, 13, 40, 41, 42, 43, 44, 45, 11], params: { temperature: 0, maxTokens: 6 } },
  ];
  const outputs: RequestOutput[] = [];
  const streamed = asks.map(() => new Map<number, number[]>());
  for (const [i, { prompt, params }] of asks.entries()) {
    engine.add({
      promptTokenIds: prompt,
      params: completeParams(params),
      onUpdate: ({ index, tokenIds }) => {
        const tokens = streamed[i]!.get(index) ?? [];
        streamed[i]!.set(index, [...tokens, ...tokenIds]);
      },
      onFinish: output => {
        outputs[i] = output;
      },
    });
  }
  await engine.drain(() => {
    engine.scheduler.checkIntegrity();
    expectUsageHolds(engine.scheduler.memory);
  });
  for (const [i, { prompt, params }] of asks.entries()) {
    for (const { index, tokenIds } of outputs[i]!.outputs) {
      expect(tokenIds).toEqual(await alone(config, prompt, params, index));
      expect(streamed[i]!.get(index)).toEqual(tokenIds);
    }
  }
  return { state, outputs, metrics, engine };
}

/** Calls that fail; no more in a row than the engine forgives. */
const lossesArbitrary = fc
  .uniqueArray(fc.nat(25), { minLength: 1, maxLength: 5 })
  .filter(losses => !losses.some(call => [1, 2, 3].every(i => losses.includes(call + i))));

test.each(policies.map(({ name }) => name))('%s: a device lost in any step costs no token', async policy => {
  await fc.assert(
    fc.asyncProperty(lossesArbitrary, fc.boolean(), async (losses, ahead) => {
      // Reservations of the longest context for all samples need more.
      const { state, metrics } = await play(
        policy,
        losses,
        { blocks: policy.match(/transformer|orca/) ? 160 : 40 },
        ahead,
      );
      const happened = losses.filter(call => call < state.calls).length;
      expect([state.runners, state.disposed]).toEqual([1 + happened, happened]);
      expect(metrics.completed).toBe(4);
      if (losses.includes(0)) expect(metrics.preemptions).toBeGreaterThan(0);
    }),
    { numRuns: 25 },
  );
});

test('nothing of a lost memory is found in the prefix cache', async () => {
  // The second and the fourth prompt share blocks with the first; on the new device these hold nothing.
  const { outputs, metrics } = await play('vllm', [3], { maxNumSeqs: 3, blocks: 40 });
  expect(metrics.preemptions).toBeGreaterThan(0);
  expect(outputs.every(output => output.outputs.length > 0)).toBe(true);
});

test('who had ended in a static batch is done when its device is lost, and not computed again', async () => {
  const state = { calls: 0, runners: 0, disposed: 0 };
  const engine = await tinyEngine({ policy: 'hf-static', config, wrap: failing([3], state) });
  const over: { tokens: number; preemptions: number; calls: number }[] = [];
  for (const maxTokens of [2, 6]) {
    engine.add({
      promptTokenIds: [9, 8, 7],
      params: completeParams({ temperature: 0, maxTokens, ignoreEos: true }),
      onFinish: ({ outputs, metrics }) =>
        over.push({
          tokens: outputs[0]!.tokenIds.length,
          preemptions: metrics.preemptions,
          calls: state.calls,
        }),
    });
  }
  await engine.drain();
  expect(over).toEqual([
    { tokens: 2, preemptions: 0, calls: 4 },
    { tokens: 6, preemptions: 1, calls: 7 },
  ]);
});

test('a device that is lost again and again ends the engine', async () => {
  await expect(play('vllm', [2, 3, 4, 5, 6, 7])).rejects.toThrow('fell off the bus');
  // Three in a row are forgiven.
  const { state } = await play('vllm', [2, 3, 4]);
  expect(state.runners).toBe(4);
});

test('another error of the runner is not taken for a lost device, and stays', async () => {
  const engine = await tinyEngine({
    wrap: runner => ({
      ...runner,
      config: runner.config,
      run: async () => Promise.reject(new Error('a bug')),
      dispose: () => runner.dispose(),
      blockSize: runner.blockSize,
      numBlocks: runner.numBlocks,
    }),
  });
  engine.add({ promptTokenIds: [5], params: completeParams() });
  await expect(engine.drain()).rejects.toThrow('a bug');
  await expect(engine.step()).rejects.toThrow('a bug');
});
