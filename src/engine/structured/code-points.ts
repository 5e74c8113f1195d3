import { bytesIn } from './byte-set.ts';
import type { Expr } from './expr.ts';
import type { Exprs } from './exprs.ts';

/** Inclusive. */
export type Range = readonly [first: number, last: number];

export const LAST_CODE_POINT = 0x10ffff;

/** Sorted, without overlaps, and without surrogates, which are no characters and have no UTF-8. */
export function normalized(ranges: readonly Range[]): readonly Range[] {
  const sorted = ranges
    .flatMap(([first, last]): Range[] => [
      [first, Math.min(last, 0xd7ff)],
      [Math.max(first, 0xe000), last],
    ])
    .filter(([first, last]) => first <= last)
    .sort((a, b) => a[0] - b[0]);
  const result: [number, number][] = [];
  for (const [first, last] of sorted) {
    const before = result.at(-1);
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else result.push([first, last]);
  }
  return result;
}

/** All characters but these. */
export function complement(ranges: readonly Range[]): readonly Range[] {
  const result: Range[] = [];
  let from = 0;
  for (const [first, last] of normalized(ranges)) {
    if (first > from) result.push([from, first - 1]);
    from = last + 1;
  }
  if (from <= LAST_CODE_POINT) result.push([from, LAST_CODE_POINT]);
  return normalized(result);
}

export function without(ranges: readonly Range[], others: readonly Range[]): readonly Range[] {
  return complement([...complement(ranges), ...others]);
}

/** One character of these, in UTF-8. */
export function characterOf(exprs: Exprs, ranges: readonly Range[]): Expr {
  const ways: Expr[] = [];
  const ascii: Range[] = [];
  for (const [first, last] of normalized(ranges)) {
    if (first < 0x80) ascii.push([first, Math.min(last, 0x7f)]);
    for (const [low, high, length] of multibyte) {
      const from = Math.max(first, low);
      const to = Math.min(last, high);
      if (from <= to) ways.push(...encoded(exprs, from, to, length));
    }
  }
  return exprs.alt(exprs.bytes(bytesIn(...ascii)), ...ways);
}

const multibyte: readonly (readonly [number, number, number])[] = [
  [0x80, 0x7ff, 2],
  [0x800, 0xffff, 3],
  [0x10000, LAST_CODE_POINT, 4],
];

/** Splits where a later byte does not run through all its values: what is left is a byte range for each place. */
function encoded(exprs: Exprs, first: number, last: number, length: number): readonly Expr[] {
  for (let i = 1; i < length; i++) {
    const mask = (1 << (6 * i)) - 1;
    if ((first & ~mask) === (last & ~mask)) continue;
    if ((first & mask) !== 0) {
      const end = first | mask;
      return [...encoded(exprs, first, end, length), ...encoded(exprs, end + 1, last, length)];
    }
    if ((last & mask) !== mask) {
      const start = last & ~mask;
      return [...encoded(exprs, first, start - 1, length), ...encoded(exprs, start, last, length)];
    }
  }
  const low = utf8(first, length);
  const high = utf8(last, length);
  return [exprs.seq(...low.map((byte, i) => exprs.bytes(bytesIn([byte, high[i]!]))))];
}

const LEAD = [0, 0, 0xc0, 0xe0, 0xf0] as const;

function utf8(code: number, length: number): number[] {
  const bytes: number[] = [];
  for (let i = length - 2; i >= 0; i--) bytes.push(0x80 | ((code >>> (6 * i)) & 0x3f));
  return [LEAD[length]! | (code >>> (6 * (length - 1))), ...bytes];
}
