import { quoted, UsageError } from '../../core/errors.ts';
import type { Bytes, Tokens } from '../../core/units.ts';
import type { AttentionPart } from './attention/attention-kernels.ts';
import type { Dtype } from './kernels/storage.ts';
import type { Preference } from './linear/linear-variants.ts';

export interface RunnerOptions {
  /** How weights, KV and activations are stored. Default f16. */
  readonly dtype?: Dtype | undefined;
  /** Default 16. */
  readonly blockSize?: Tokens | undefined;
  /** KV blocks; absent: as many as the memory has room for. One of the two must be given. */
  readonly numBlocks?: number | undefined;
  /** Bytes of GPU memory for weights, activations and KV together. */
  readonly memory?: Bytes | undefined;
  /** Sizes of the largest step that buffers are made for at once; larger ones grow them. */
  readonly maxBatchedTokens?: Tokens | undefined;
  readonly maxSeqs?: number | undefined;
  /** Kernel choices that were measured on this adapter. */
  readonly prefer?: Preference | undefined;
  /** Attention that the adapter's faster kernels compute wrongly: the portable ones stand in. */
  readonly portable?: readonly AttentionPart[] | undefined;
  /** Compile at the start all kernels that steps up to that size take, or each when it is first needed. Default true. */
  readonly compileAhead?: boolean | undefined;
  /** Told the share of the weights that are on the GPU, 0 … 1. */
  readonly progress?: ((share: number) => void) | undefined;
}

export interface RunnerSettings {
  readonly dtype: Dtype;
  readonly blockSize: Tokens;
  readonly numBlocks: number | undefined;
  readonly memory: Bytes | undefined;
  readonly maxBatchedTokens: Tokens;
  readonly maxSeqs: number;
  readonly compileAhead: boolean;
}

/** With the defaults filled in. @throws UsageError for what no runner can be made with. */
export function runnerSettings(options: RunnerOptions): RunnerSettings {
  const { dtype = 'f16', blockSize = 16, numBlocks, memory } = options;
  const { maxBatchedTokens = 2048, maxSeqs = 256, compileAhead = true } = options;
  if (dtype !== 'f16' && dtype !== 'f32') throw new UsageError(`dtype ${quoted(dtype)}: f16 or f32`);
  const whole = { blockSize, maxBatchedTokens, maxSeqs, ...(numBlocks !== undefined && { numBlocks }) };
  for (const [name, value] of Object.entries(whole)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new UsageError(`${name} ${quoted(value)}: must be a whole number from 1 on`);
    }
  }
  if ((numBlocks ?? memory) === undefined) {
    throw new UsageError('the KV cache needs a size: give numBlocks, or memory in bytes');
  }
  return { dtype, blockSize, numBlocks, memory, maxBatchedTokens, maxSeqs, compileAhead };
}
