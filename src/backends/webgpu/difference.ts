import type { Dtype } from './kernels/storage.ts';

/**
 * How far from the portable kernel a value may be, as a share of the largest. In f16 every kernel was within 4.1e-4 of
 * sums in f64 (docs/kernels.md), so that two right ones are within 8.2e-4 of each other; a sum that lacks one of
 * 4096 terms is off by several times the bound. In f32 only sums are rounded.
 */
const BOUND: Readonly<Record<Dtype, number>> = { f16: 2e-3, f32: 1e-4 };

/**
 * In words, where it is more than kernels for values of this type may differ by.
 * @param rows whose values these are, one after the other, of so many columns each.
 */
export function difference(
  found: Float32Array,
  expected: Float32Array,
  dtype: Dtype,
  columns: number,
  rows: readonly number[],
): string | undefined {
  let largest = 0;
  let most = 0;
  let at = 0;
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]!));
    const off = Math.abs(found[i]! - expected[i]!);
    // Of two that are no numbers neither is right.
    if (off <= most) continue;
    most = Number.isNaN(off) ? Number.POSITIVE_INFINITY : off;
    at = i;
    if (most === Number.POSITIVE_INFINITY) break;
  }
  if (most <= BOUND[dtype] * largest) return undefined;
  const place = `in row ${rows[Math.floor(at / columns)]!}, column ${at % columns}`;
  if (most === Number.POSITIVE_INFINITY) return `is no number ${place}`;
  return `is off by ${(most / largest).toPrecision(2)} of the largest value ${place}`;
}
