import { UsageError } from '../../core/errors.ts';
import type { Bytes } from '../../core/units.ts';
import type { ModelConfig } from '../model/config.ts';
import type { GpuDevice } from './device.ts';
import { type GpuMemory, sizeText } from './gpu-memory.ts';
import { type Dtype, formatOf } from './kernels/storage.ts';

/** Keys and values of a layer: [block][KV head][offset][head dimension], so that a head's block is contiguous. */
export interface KvLayer {
  readonly keys: GPUBuffer;
  readonly values: GPUBuffer;
}

/** Of one block, of keys or of values, in one layer. */
export function blockBytes(config: ModelConfig, dtype: Dtype, blockSize: number): Bytes {
  return config.kvHeads * config.headDim * blockSize * formatOf(dtype).bytes;
}

/** A buffer each for keys and values of each layer: bindings are limited in size, and writes to one do not wait for the other. */
export async function allocateKv(
  memory: GpuMemory,
  config: ModelConfig,
  dtype: Dtype,
  blockSize: number,
  numBlocks: number,
): Promise<readonly KvLayer[]> {
  const bytes = numBlocks * blockBytes(config, dtype, blockSize);
  const layers: KvLayer[] = [];
  for (let layer = 0; layer < config.layers; layer++) {
    layers.push({
      keys: await memory.allocate(`keys of layer ${layer}`, bytes),
      values: await memory.allocate(`values of layer ${layer}`, bytes),
    });
  }
  return layers;
}

/**
 * Blocks that fit what is left of a budget.
 * @throws UsageError with the figures when not even one sequence of one block does.
 */
export function blocksWithin(
  budget: Bytes,
  taken: Bytes,
  gpu: GpuDevice,
  config: ModelConfig,
  dtype: Dtype,
  blockSize: number,
): number {
  const block = blockBytes(config, dtype, blockSize);
  const room = Math.floor((budget - taken) / (2 * config.layers * block));
  const blocks = Math.min(room, Math.floor(gpu.traits.maxBinding / block));
  if (blocks >= 1) return blocks;
  throw new UsageError(
    `${sizeText(budget)} of GPU memory leave no room for KV: weights and activations take ${sizeText(taken)}, and a block of ${blockSize} tokens ${sizeText(2 * config.layers * block)}: raise gpuMemory, or use dtype f16 or a smaller model`,
  );
}
