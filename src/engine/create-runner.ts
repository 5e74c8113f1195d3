import type { ModelConfig } from '../backends/model/config.ts';
import { defaultCache } from '../backends/model/hub/model-cache.ts';
import type { Weights } from '../backends/model/weights.ts';
import type { ModelRunner } from '../backends/model-runner.ts';
import type { GpuDevice } from '../backends/webgpu/device.ts';
import type { RunnerOptions } from '../backends/webgpu/runner-options.ts';
import { quoted, UsageError } from '../core/errors.ts';
import type { Limits } from '../core/policies/policy.ts';
import { type Bytes, GiB, MiB, type Tokens } from '../core/units.ts';
import { startClock } from './clock.ts';

export const backendNames = ['webgpu', 'reference'] as const;
export type BackendName = (typeof backendNames)[number];

export interface BackendOptions {
  readonly backend?: BackendName | undefined;
  /** WebGPU: which adapter, by number or a part of its name. */
  readonly adapter?: string | number | undefined;
  /** WebGPU: no bounds checks in kernels. */
  readonly unsafeFast?: boolean | undefined;
  /** WebGPU: kernels proven and measured on the adapter when it is first met, and remembered. Default true; on software never. */
  readonly tune?: boolean | undefined;
  /** WebGPU: default f16 where the adapter has it. The reference computes in f32. */
  readonly dtype?: 'f16' | 'f32' | undefined;
  /** WebGPU: for weights, activations and KV; reference: for KV. Default: KV of a modest size. */
  readonly gpuMemory?: Bytes | undefined;
  /** KV blocks, instead of what the memory has room for. */
  readonly numBlocks?: number | undefined;
  /** Told the share of the weights that are loaded, 0 … 1. */
  readonly onLoad?: ((share: number) => void) | undefined;
  /** Told what is slower or otherwise than it might be expected to be, in a sentence. */
  readonly warn?: ((text: string) => void) | undefined;
}

/** KV that is taken where no memory is named. */
const MODEST_KV: Readonly<Record<BackendName, Bytes>> = { webgpu: GiB, reference: 256 * MiB };
/** Sequences of full length beyond which modest memory does not grow. */
const MODEST_SEQS = 256;

/** A runner, and where it runs. */
export interface PlacedRunner extends ModelRunner {
  /** The adapter, by name. */
  readonly device: string;
  readonly dtype: 'f16' | 'f32';
}

/**
 * A model on a backend, with KV blocks of the policy's size.
 * @throws UsageError when the backend, its memory or the options do not allow it.
 */
export async function createRunner(
  config: ModelConfig,
  weights: Weights,
  limits: Limits,
  options: BackendOptions,
): Promise<PlacedRunner> {
  const { backend = 'webgpu' } = options;
  switch (backend) {
    case 'reference':
      return await createReference(config, weights, limits, options);
    case 'webgpu':
      return await createWebGpu(config, weights, limits, options);
    default:
      backend satisfies never;
      throw new UsageError(`there is no backend ${quoted(backend)}: there are ${backendNames.join(', ')}`);
  }
}

async function createReference(
  config: ModelConfig,
  weights: Weights,
  limits: Limits,
  options: BackendOptions,
): Promise<PlacedRunner> {
  if (options.dtype === 'f16') {
    throw new UsageError('the reference backend computes in f32: leave dtype out, or use the webgpu backend');
  }
  const { ReferenceRunner } = await import('../backends/reference/runner.ts');
  const numBlocks =
    options.numBlocks ?? modestBlocks(config, limits, options.gpuMemory ?? MODEST_KV.reference, 4);
  const runner = await ReferenceRunner.create(config, weights, { blockSize: limits.blockSize, numBlocks });
  return placed(runner, { device: 'the CPU', dtype: 'f32' });
}

async function createWebGpu(
  config: ModelConfig,
  weights: Weights,
  limits: Limits,
  options: BackendOptions,
): Promise<PlacedRunner> {
  const { GpuDevice } = await import('../backends/webgpu/device.ts');
  const { WebGpuRunner } = await import('../backends/webgpu/runner.ts');
  const gpu = await GpuDevice.open({ adapter: options.adapter, unsafeFast: options.unsafeFast });
  try {
    const dtype = options.dtype ?? (gpu.features.has('shader-f16') ? 'f16' : 'f32');
    const bytes = dtype === 'f16' ? 2 : 4;
    const memory = options.numBlocks === undefined ? options.gpuMemory : undefined;
    const modest = memory === undefined ? modestBlocks(config, limits, MODEST_KV.webgpu, bytes) : undefined;
    const runner = await WebGpuRunner.create(gpu, config, weights, {
      dtype,
      blockSize: limits.blockSize,
      numBlocks: options.numBlocks ?? modest,
      memory,
      maxBatchedTokens: finite(limits.maxNumBatchedTokens, limits.maxModelLen),
      maxSeqs: finite(limits.maxNumSeqs, MODEST_SEQS),
      ...(await kernelChoice(gpu, config, dtype, limits, options)),
      progress: options.onLoad,
    });
    return placed(runner, { device: gpu.name, dtype, release: () => gpu.destroy() });
  } catch (error) {
    gpu.destroy();
    throw error;
  }
}

/** Without timestamps there is nothing to measure with, and a CPU that stands in for a GPU gains nothing. */
async function kernelChoice(
  gpu: GpuDevice,
  config: ModelConfig,
  dtype: 'f16' | 'f32',
  { blockSize, maxNumBatchedTokens, maxNumSeqs }: Limits,
  { tune = true, warn }: BackendOptions,
): Promise<Pick<RunnerOptions, 'prefer' | 'portable'>> {
  if (!tune || gpu.software || !gpu.features.has('timestamp-query')) return {};
  const { attentionShape, linearOps } = await import('../backends/webgpu/kernel-set.ts');
  const { preferenceOf, refusalText } = await import('../backends/webgpu/tune.ts');
  const { portableParts } = await import('../backends/webgpu/tune-attention.ts');
  const { tuningOf } = await import('../backends/webgpu/tuning-file.ts');
  const kernels = { config, dtype, blockSize };
  const shape = attentionShape(kernels);
  const tuning = await tuningOf(gpu, linearOps(kernels), shape, {
    folder: defaultCache(),
    most: { tokens: maxNumBatchedTokens, outputs: maxNumSeqs },
    now: startClock(),
  });
  if (tuning.refusals.length > 0) warn?.(refusalText(gpu.name, tuning.refusals));
  return { prefer: preferenceOf(tuning), portable: portableParts(tuning, shape) };
}

interface Place extends Pick<PlacedRunner, 'device' | 'dtype'> {
  /** Lets the device go, too. */
  readonly release?: () => void;
}

function placed(runner: ModelRunner, { device, dtype, release }: Place): PlacedRunner {
  return {
    device,
    dtype,
    config: runner.config,
    blockSize: runner.blockSize,
    numBlocks: runner.numBlocks,
    feeds: draw => runner.feeds?.(draw) ?? false,
    run: batch => runner.run(batch),
    dispose: () => {
      runner.dispose();
      release?.();
    },
  };
}

/** As many blocks as the budget holds, but no more than could ever be used at once. */
function modestBlocks(config: ModelConfig, limits: Limits, budget: Bytes, bytesPerValue: Bytes): number {
  const { blockSize, maxModelLen } = limits;
  const bytes = kvBytesPerToken(config, bytesPerValue) * blockSize;
  const blocks = Math.floor(budget / bytes);
  if (blocks < 1) {
    throw new UsageError(
      `${budget} bytes hold no KV block of ${blockSize} tokens, which takes ${bytes} bytes: give more memory, or ` +
        'a smaller block size',
    );
  }
  // Twice: padded batches copy what they hold.
  const useful = 2 * finite(limits.maxNumSeqs, MODEST_SEQS) * Math.ceil(maxModelLen / blockSize);
  return Math.min(blocks, useful);
}

/** Bytes of one token's keys and values over all layers. */
export function kvBytesPerToken({ layers, kvHeads, headDim }: ModelConfig, bytesPerValue: Bytes): Bytes {
  return 2 * layers * kvHeads * headDim * bytesPerValue;
}

function finite(value: Tokens, otherwise: Tokens): Tokens {
  return Number.isFinite(value) ? value : otherwise;
}
