import { ATTENTION_PARTS, type AttentionPart } from './attention/attention-kernels.ts';
import type { AttentionShape } from './attention/attention-shape.ts';
import { attentionFault, attentionKernel, triedTokens } from './attention/prove-attention.ts';
import type { GpuDevice } from './device.ts';
import type { Refusal, Tuning } from './tune.ts';

/** Tokens of a sequence from which on a part is its kernel's. */
const LEAST: Readonly<Record<AttentionPart, number>> = { decode: 1, prefill: 2 };
const PORTABLE = 'paged-attention';

/** What is chosen depends on it, as on a layer's `tuningKey`. */
export function attentionKey({ dtype, heads, kvHeads, headDim, blockSize, window }: AttentionShape): string {
  const seen = window === undefined ? '' : ` window ${window}`;
  return `${dtype} attention ${heads}/${kvHeads}x${headDim} block ${blockSize}${seen}`;
}

/**
 * Proves the kernels that the device would take. There is nothing to measure: a part has one beside the portable one.
 * @param kernelOf what makes them.
 */
export async function tuneAttention(
  gpu: GpuDevice,
  shape: AttentionShape,
  kernelOf: typeof attentionKernel = attentionKernel,
): Promise<Tuning> {
  const layer = attentionKey(shape);
  const chosen: Record<number, string> = {};
  const refusals: Refusal[] = [];
  for (const part of ATTENTION_PARTS) {
    const kernel = kernelOf(part, shape, gpu, false);
    const variant = kernel.shader.name.split(' ')[0]!;
    const why = variant === PORTABLE ? undefined : await attentionFault(gpu, part, shape, kernel);
    if (why !== undefined) refusals.push({ variant, layer, rows: triedTokens(part), why });
    chosen[LEAST[part]] = why === undefined ? variant : PORTABLE;
  }
  return { fastest: { [layer]: chosen }, refusals };
}

/** Parts for which the portable kernel was chosen. */
export function portableParts({ fastest }: Tuning, shape: AttentionShape): readonly AttentionPart[] {
  return ATTENTION_PARTS.filter(part => fastest[attentionKey(shape)]?.[LEAST[part]] === PORTABLE);
}
