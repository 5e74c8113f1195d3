import type { Dtype } from '../kernels/storage.ts';

/** What an attention kernel is made for. */
export interface AttentionShape {
  readonly dtype: Dtype;
  readonly heads: number;
  readonly kvHeads: number;
  /** Multiple of 8, at most 256. */
  readonly headDim: number;
  readonly blockSize: number;
  /** Positions a token sees, itself included. */
  readonly window?: number | undefined;
}

/** Query heads that one workgroup has: they share each load of a key and a value (GQA). */
export function headGroup({ heads, kvHeads }: AttentionShape): number {
  const shared = heads / kvHeads;
  // More would not fit the registers.
  for (let group = 8; group > 1; group--) if (shared % group === 0) return group;
  return 1;
}

/** Workgroups that one work item takes: over KV heads, and over the groups of their query heads. */
export function groupsPerItem(shape: AttentionShape): number {
  return shape.heads / headGroup(shape);
}

/** Tokens that a workgroup of a prefill has beside each other, on the same keys. */
export function prefillTokens(shape: AttentionShape): number {
  return Math.max(1, Math.floor(8 / headGroup(shape)));
}
