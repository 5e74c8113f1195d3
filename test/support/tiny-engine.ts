import type { ModelConfig } from '../../src/backends/model/config.ts';
import type { ModelRunner } from '../../src/backends/model-runner.ts';
import { ReferenceRunner } from '../../src/backends/reference/runner.ts';
import type { Listener } from '../../src/core/events.ts';
import { createMemory } from '../../src/core/memory/create.ts';
import type { Limits, Policy } from '../../src/core/policies/policy.ts';
import { findPolicy } from '../../src/core/policies/registry.ts';
import type { SamplingParams } from '../../src/core/sampling-params.ts';
import { completeParams, type SamplingOptions } from '../../src/engine/complete-params.ts';
import { Engine } from '../../src/engine/engine.ts';
import { fittedLimits, wishedLimits } from '../../src/engine/engine-limits.ts';
import type { Detokenizer } from '../../src/engine/sample-text.ts';
import type { StructureCompiler } from '../../src/engine/structured/structure-compiler.ts';
import { tinyConfig, tinyWeights } from './tiny-model.ts';

export interface TinyOptions extends Partial<Limits> {
  readonly policy?: Policy | string;
  readonly config?: ModelConfig;
  /** Of `blockSize` tokens each. */
  readonly blocks?: number;
  readonly listener?: Listener;
  readonly seed?: number;
  readonly detokenizer?: (prompt: ArrayLike<number>) => Detokenizer;
  readonly structures?: StructureCompiler;
  /** Between the engine and the reference: to count, to fail. */
  readonly wrap?: (runner: ModelRunner) => ModelRunner;
  /** Blocks of the runner in one of the memory's. */
  readonly factor?: number;
}

/** An engine over the reference runner and a random model. */
export async function tinyEngine(options: TinyOptions = {}): Promise<Engine> {
  const { policy: named = 'vllm', config = tinyConfig(), blocks = 64, wrap = same, factor = 1 } = options;
  const {
    listener,
    seed,
    detokenizer,
    structures,
    maxModelLen,
    maxNumSeqs,
    maxNumBatchedTokens,
    blockSize = 4,
  } = options;
  const policy = typeof named === 'string' ? findPolicy(named)! : named;
  const machine = { gpuMemory: 0, isA100: false, maxModelLen: config.maxModelLen };
  const whole = policy.batching().chunking === 'none' ? undefined : maxNumBatchedTokens;
  const asked = {
    maxModelLen,
    maxNumSeqs: finite(maxNumSeqs),
    maxNumBatchedTokens: finite(whole),
    blockSize,
  };
  const wished = { ...wishedLimits(policy, machine, asked), ...pick(options) };
  const slots = blocks * blockSize;
  const limits = fittedLimits(policy, wished, slots);
  const { slidingWindow } = config;
  const create = async () =>
    wrap(
      await ReferenceRunner.create(config, tinyWeights(config), {
        blockSize: blockSize / factor,
        numBlocks: blocks * factor,
      }),
    );
  return new Engine({
    policy,
    limits,
    memory: createMemory(policy.memory, limits, {
      slots,
      ...(slidingWindow !== undefined && { slidingWindow }),
    }),
    runner: await create(),
    recreate: create,
    seed,
    listener,
    detokenizer,
    structures,
  });
}

const same = (runner: ModelRunner) => runner;
const finite = (value: number | undefined) => (Number.isFinite(value) ? value : undefined);

function pick({ longPrefillTokenThreshold, watermark, maxBatchTotalTokens }: TinyOptions): Partial<Limits> {
  return {
    ...(longPrefillTokenThreshold !== undefined && { longPrefillTokenThreshold }),
    ...(watermark !== undefined && { watermark }),
    ...(maxBatchTotalTokens !== undefined && { maxBatchTotalTokens }),
  };
}

const known = new Map<string, Promise<readonly number[]>>();

/** The tokens of sample `index` when nothing else runs: one sequence, prefilled whole, in memory for all of it. */
export function alone(
  config: ModelConfig,
  prompt: readonly number[],
  options: SamplingOptions,
  index = 0,
): Promise<readonly number[]> {
  const params: SamplingParams = completeParams(options);
  const single = { ...params, n: 1, seed: (params.seed ?? 0) + index };
  const key = JSON.stringify([config, prompt, single]);
  let tokens = known.get(key);
  if (!tokens) known.set(key, (tokens = generateAlone(config, prompt, single)));
  return tokens;
}

async function generateAlone(
  config: ModelConfig,
  prompt: readonly number[],
  params: SamplingParams,
): Promise<readonly number[]> {
  const engine = await tinyEngine({ config, blocks: 1, blockSize: config.maxModelLen, policy: 'fastgen' });
  let tokens: readonly number[] = [];
  const added = engine.add({
    promptTokenIds: prompt,
    params,
    onFinish: output => {
      tokens = output.outputs[0]!.tokenIds;
    },
  });
  if ('rejected' in added) throw new Error(added.rejected);
  await engine.drain();
  engine.dispose();
  return tokens;
}
