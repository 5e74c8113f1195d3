import type { AttentionShape } from './kernel-tables.ts';
import type { TableRows } from './table-rows.ts';

/** Rows of one shape: their indices. */
export interface ShapeRows {
  readonly shape: AttentionShape;
  readonly rows: readonly number[];
}

/** One number for a shape; sides of real models leave room in 53 bits. */
export function shapeKey({ heads, kvHeads, headDim, kv, window }: AttentionShape): number {
  return (((heads * 4096 + kvHeads) * 4096 + headDim) * 2 + (kv === 'fp8' ? 1 : 0)) * 2 ** 21 + window;
}

/**
 * Groups the rows of an attention table by shape. Arithmetic in 8 bits is left aside where the table also
 * has 16: a cache in 8 bits does not imply it.
 */
export function rowsByShape(table: TableRows): ShapeRows[] {
  const arithmetic = table.texts.get('attn_dtype')!;
  const cache = table.texts.get('kv_cache_dtype')!;
  const isEight = (codes: Uint16Array, values: readonly string[], i: number) =>
    values[codes[i]!]!.startsWith('fp8');
  const hasSixteen = arithmetic.values.some(
    (name, code) => !name.startsWith('fp8') && arithmetic.codes.includes(code),
  );
  const [heads, kvHeads, dims, windows] = ['num_heads', 'num_key_value_heads', 'head_dim', 'window_size'].map(
    name => table.numbers.get(name)!,
  );
  const groups = new Map<number, { shape: AttentionShape; rows: number[] }>();
  for (let i = 0; i < table.length; i++) {
    if (hasSixteen && isEight(arithmetic.codes, arithmetic.values, i)) continue;
    const shape: AttentionShape = {
      heads: heads![i]!,
      // 0 says that each head has its own.
      kvHeads: kvHeads![i]! || heads![i]!,
      headDim: dims![i]!,
      kv: isEight(cache.codes, cache.values, i) ? 'fp8' : 'fp16',
      window: windows![i]!,
    };
    const key = shapeKey(shape);
    const group = groups.get(key);
    if (group) group.rows.push(i);
    else groups.set(key, { shape, rows: [i] });
  }
  return [...groups.values()];
}

/**
 * The measured shape most like another: in octaves, the width of a head counts most, then how many share a
 * KV head, then their number. A window that was not measured is worked out from unlimited attention.
 */
export function nearestShape<T extends { readonly shape: AttentionShape }>(
  shapes: Iterable<T>,
  wanted: AttentionShape,
): T | undefined {
  let best: T | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of shapes) {
    const { heads, kvHeads, headDim, kv, window } = candidate.shape;
    if (kv !== wanted.kv || (window !== wanted.window && window !== 0)) continue;
    const octaves = (a: number, b: number) => Math.abs(Math.log2(a / b));
    const distance =
      4 * octaves(headDim, wanted.headDim) +
      2 * octaves(heads / kvHeads, wanted.heads / wanted.kvHeads) +
      octaves(heads, wanted.heads) +
      (window === wanted.window ? 0 : 8);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}
