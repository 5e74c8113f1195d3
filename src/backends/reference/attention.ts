import { invariant } from '../../core/invariant.ts';
import type { Tokens } from '../../core/units.ts';
import type { ModelConfig } from '../model/config.ts';
import type { TokenBatch } from '../model-runner.ts';
import type { LayerKv } from './kv-cache.ts';
import { dot } from './ops.ts';

/**
 * PagedAttention over block tables (vLLM paper §4.1): causal, grouped queries, sliding window. Every token of
 * the batch has its key and value stored before, so rows may read blocks that another row fills in this pass.
 *
 * @param queries [T, heads, headDim]
 * @returns [T, heads, headDim]
 */
export function attention(
  queries: Float32Array,
  kv: LayerKv,
  batch: TokenBatch,
  config: ModelConfig,
  blockSize: Tokens,
): Float32Array {
  const { heads, kvHeads, headDim, slidingWindow = Number.POSITIVE_INFINITY } = config;
  const result = new Float32Array(queries.length);
  const slots = new Int32Array(Math.max(0, ...batch.contexts));
  const scores = new Float64Array(slots.length);
  for (let row = 0; row < batch.contexts.length; row++) {
    for (let t = batch.rowStarts[row]!; t < batch.rowStarts[row + 1]!; t++) {
      const position = batch.positions[t]!;
      const first = Math.max(0, position - slidingWindow + 1);
      findSlots(slots, batch, row, first, position, blockSize);
      for (let head = 0; head < heads; head++) {
        const kvHead = Math.floor((head * kvHeads) / heads);
        const at = (t * heads + head) * headDim;
        attend(queries, at, result, kv, kvHead, slots, scores, first, position, headDim);
      }
    }
  }
  return result;
}

/** Slots of positions `first … last` of a row's sequence. */
function findSlots(
  slots: Int32Array,
  { tables, tableWidth }: TokenBatch,
  row: number,
  first: number,
  last: number,
  blockSize: Tokens,
): void {
  for (let position = first; position <= last; position++) {
    const block = tables[row * tableWidth + Math.floor(position / blockSize)]!;
    invariant(block >= 0, () => `row ${row} attends to position ${position}, which its table does not have`);
    slots[position] = block * blockSize + (position % blockSize);
  }
}

/** softmax(q K / √d) V of one query over positions `first … last`. */
function attend(
  queries: Float32Array,
  at: number,
  result: Float32Array,
  kv: LayerKv,
  kvHead: number,
  slots: Int32Array,
  scores: Float64Array,
  first: number,
  last: number,
  headDim: number,
): void {
  const scale = 1 / Math.sqrt(headDim);
  let best = Number.NEGATIVE_INFINITY;
  for (let i = first; i <= last; i++) {
    scores[i] = scale * dot(queries, at, kv.keys, kv.at(slots[i]!, kvHead), headDim);
    if (scores[i]! > best) best = scores[i]!;
  }
  const sums = new Float64Array(headDim);
  let total = 0;
  for (let i = first; i <= last; i++) {
    const weight = Math.exp(scores[i]! - best);
    const from = kv.at(slots[i]!, kvHead);
    total += weight;
    for (let d = 0; d < headDim; d++) sums[d]! += weight * kv.values[from + d]!;
  }
  for (let d = 0; d < headDim; d++) result[at + d] = sums[d]! / total;
}
