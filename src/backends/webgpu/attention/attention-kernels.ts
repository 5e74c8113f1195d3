import type { Shader } from '../kernels/shader.ts';
import type { DeviceTraits } from '../traits.ts';
import { type AttentionShape, prefillTokens } from './attention-shape.ts';
import { matrixPrefillShader, matrixPrefillTokens, prefillsByMatrix } from './matrix-prefill.ts';
import { pagedAttentionShader } from './paged-attention.ts';
import { decodesBySubgroup, subgroupDecodeShader } from './subgroup-decode.ts';
import { TILE } from './work-list.ts';

const DECODE_THREADS = 256;

/** One token a sequence, and chunks of prompts. */
export const ATTENTION_PARTS = ['decode', 'prefill'] as const;
export type AttentionPart = (typeof ATTENTION_PARTS)[number];

/**
 * The fastest kernel for one token a sequence that a device has.
 * @param portable the one that every device has instead.
 */
export function decodeShader(shape: AttentionShape, traits: DeviceTraits, portable = false): Shader {
  if (portable || !decodesBySubgroup(shape, traits))
    return pagedAttentionShader({ ...shape, tokens: 1, items: 'decodes', threads: TILE });
  const threads = Math.max(traits.subgroupSize!, Math.min(DECODE_THREADS, traits.maxInvocations));
  return subgroupDecodeShader({ ...shape, subgroupSize: traits.subgroupSize!, threads });
}

/** The fastest kernel for chunks of prompts, or the portable one. Its items have `tokensPerPrefill` tokens. */
export function prefillShader(shape: AttentionShape, traits: DeviceTraits, portable = false): Shader {
  if (!portable && prefillsByMatrix(shape, traits)) return matrixPrefillShader(shape);
  const tokens = tokensPerPrefill(shape, traits, portable);
  return pagedAttentionShader({ ...shape, tokens, items: 'prefills', threads: TILE });
}

export function tokensPerPrefill(shape: AttentionShape, traits: DeviceTraits, portable = false): number {
  return !portable && prefillsByMatrix(shape, traits) ? matrixPrefillTokens(shape) : prefillTokens(shape);
}
