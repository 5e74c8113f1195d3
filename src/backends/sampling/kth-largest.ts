/** Values by the upper half of their bits, in the order of the numbers. */
const counts = new Uint32Array(65_536);
/** Up to here sorting all is less work than clearing these. */
const FEW = 4096;

/**
 * The k-th largest value, 1 ≤ k ≤ length; equal ones count each. Values may be infinite, not NaN. One pass counts,
 * one gathers the few that share sign, exponent and seven digits with the value sought, and only those are sorted.
 */
export function kthLargest(values: Float32Array, k: number): number {
  if (values.length <= FEW) return values.slice().sort()[values.length - k]!;
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  counts.fill(0);
  for (let i = 0; i < bits.length; i++) counts[rank(bits[i]!)]!++;
  let bin = counts.length - 1;
  let left = k;
  while (left > counts[bin]!) left -= counts[bin--]!;
  const same = new Float32Array(counts[bin]!);
  for (let i = 0, at = 0; at < same.length; i++) if (rank(bits[i]!) === bin) same[at++] = values[i]!;
  return same.sort()[same.length - left]!;
}

/** Bits of an f32 in the order of the numbers: the sign turned over, and below zero all the others. */
function rank(bits: number): number {
  return ((bits >>> 31 === 0 ? bits ^ 0x80000000 : ~bits) >>> 16) & 0xffff;
}
