import type { ModelConfig } from '../../src/backends/model/config.ts';
import type { GpuDevice } from '../../src/backends/webgpu/device.ts';
import type { Preference } from '../../src/backends/webgpu/linear/linear-variants.ts';
import { WebGpuRunner } from '../../src/backends/webgpu/runner.ts';
import { GiB } from '../../src/core/units.ts';
import { LLM } from '../../src/engine/llm.ts';
import { createRng } from '../../src/sim/rng.ts';
import { lengthSampler } from '../../src/sim/workload/lengths.ts';
import { median } from './gpu-steps.ts';

/** Weights, activations and KV: a part of a card that others may share. */
const MEMORY = 38 * GiB;

export interface RequestLength {
  readonly prompt: number;
  readonly output: number;
}

/** Lengths like ShareGPT's, the same for every engine. */
export function serveLengths(count: number): readonly RequestLength[] {
  const sampler = lengthSampler({ kind: 'sharegpt' }, createRng(1, 'lengths'));
  return Array.from({ length: count }, () => {
    const { promptTokens, outputTokens } = sampler.next();
    return { prompt: promptTokens, output: outputTokens };
  });
}

export interface ServeResult {
  readonly requests: number;
  readonly outputTokens: number;
  readonly seconds: number;
  readonly outputTokensPerSecond: number;
  readonly steps: number;
  readonly meanBatch: number;
  readonly preemptions: number;
  readonly kvBlocks: number;
  /** In which the model was waited for; the rest is the scheduler's and the engine's. */
  readonly runnerSeconds: number;
  /** Median time of the model for a step, by the number of its tokens, up to a power of two. */
  readonly stepSeconds: Readonly<Record<number, { readonly steps: number; readonly median: number }>>;
}

/** All requests at once through the engine, under vLLM's policy; every token that is counted was asked for. */
export async function serve(
  gpu: GpuDevice,
  config: ModelConfig,
  count: number,
  prefer?: Preference,
): Promise<ServeResult> {
  const lengths = serveLengths(count);
  const times: { readonly tokens: number; readonly seconds: number }[] = [];
  let answered = 0;
  const llm = await LLM.create({
    config,
    maxNumSeqs: 256,
    maxNumBatchedTokens: 2048,
    maxModelLen: 2048,
    createRunner: async limits => {
      const runner = await WebGpuRunner.create(gpu, config, 'dummy', {
        blockSize: limits.blockSize,
        memory: MEMORY,
        maxBatchedTokens: 2048,
        maxSeqs: 256,
        prefer,
      });
      return {
        config,
        blockSize: runner.blockSize,
        numBlocks: runner.numBlocks,
        dispose: () => runner.dispose(),
        feeds: draw => runner.feeds(draw),
        run: async batch => {
          const start = performance.now();
          const drawn = await runner.run(batch);
          const end = performance.now();
          // With two steps in flight, from the answer to the one before on.
          times.push({ tokens: batch.tokens.length, seconds: (end - Math.max(start, answered)) / 1000 });
          answered = end;
          return drawn;
        },
      };
    },
  });
  try {
    const random = createRng(2, 'tokens');
    const prompts = lengths.map(({ prompt }) => ({
      promptTokenIds: Array.from({ length: prompt }, () => Math.floor(random() * config.vocab)),
    }));
    const params = lengths.map(({ output }) => ({ temperature: 0, maxTokens: output, ignoreEos: true }));
    // A few first, so that bind groups and buffers are made.
    await llm.generate(
      prompts.slice(0, 8),
      params.slice(0, 8).map(p => ({ ...p, maxTokens: 4 })),
    );
    times.length = 0;
    const begin = performance.now();
    const outputs = await llm.generate(prompts, params);
    const seconds = (performance.now() - begin) / 1000;
    const outputTokens = outputs.reduce(
      (sum, { outputs: samples }) => sum + samples.reduce((n, { tokenIds }) => n + tokenIds.length, 0),
      0,
    );
    const { steps, meanBatch, preemptions } = llm.summary!;
    return {
      requests: outputs.length,
      outputTokens,
      seconds,
      outputTokensPerSecond: outputTokens / seconds,
      steps,
      meanBatch,
      preemptions,
      kvBlocks: llm.engine.runner.numBlocks,
      runnerSeconds: times.reduce((sum, time) => sum + time.seconds, 0),
      stepSeconds: byTokens(times),
    };
  } finally {
    llm.engine.dispose();
  }
}

function byTokens(times: readonly { readonly tokens: number; readonly seconds: number }[]) {
  const groups = new Map<number, number[]>();
  for (const { tokens, seconds } of times) {
    const most = 2 ** Math.ceil(Math.log2(tokens));
    const group = groups.get(most) ?? [];
    group.push(seconds);
    groups.set(most, group);
  }
  const sorted = [...groups].sort(([a], [b]) => a - b);
  return Object.fromEntries(
    sorted.map(([tokens, seconds]) => [tokens, { steps: seconds.length, median: median(seconds) }]),
  );
}
