import { type ByteSet, bytesIn, keyOf } from './byte-set.ts';
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
  const ways: ByteSet[][] = [];
  const ascii: Range[] = [];
  for (const [first, last] of normalized(ranges)) {
    if (first < 0x80) ascii.push([first, Math.min(last, 0x7f)]);
    for (const [low, high, length] of multibyte) {
      const from = Math.max(first, low);
      const to = Math.min(last, high);
      if (from <= to) ways.push(...encoded(from, to, length));
    }
  }
  return exprs.alt(exprs.bytes(bytesIn(...ascii)), factored(exprs, ways));
}

/** Of thousands of characters few bytes are apart: what begins alike is one way, and the last bytes are one set. */
function factored(exprs: Exprs, ways: readonly (readonly ByteSet[])[]): Expr {
  const last = bytesIn();
  const byFirst = new Map<string, { readonly first: ByteSet; readonly rests: (readonly ByteSet[])[] }>();
  for (const [first, ...rest] of ways) {
    if (rest.length === 0) {
      for (const [word, bits] of first!.entries()) last[word]! |= bits;
      continue;
    }
    const key = keyOf(first!);
    const group = byFirst.get(key) ?? { first: first!, rests: [] };
    group.rests.push(rest);
    byFirst.set(key, group);
  }
  const longer = [...byFirst.values()].map(({ first, rests }) =>
    exprs.seq(exprs.bytes(first), factored(exprs, rests)),
  );
  return exprs.alt(exprs.bytes(last), ...longer);
}

const multibyte: readonly (readonly [number, number, number])[] = [
  [0x80, 0x7ff, 2],
  [0x800, 0xffff, 3],
  [0x10000, LAST_CODE_POINT, 4],
];

/** Splits where a later byte does not run through all its values: what is left is a byte range for each place. */
function encoded(first: number, last: number, length: number): readonly ByteSet[][] {
  for (let i = 1; i < length; i++) {
    const mask = (1 << (6 * i)) - 1;
    if ((first & ~mask) === (last & ~mask)) continue;
    if ((first & mask) !== 0) {
      const end = first | mask;
      return [...encoded(first, end, length), ...encoded(end + 1, last, length)];
    }
    if ((last & mask) !== mask) {
      const start = last & ~mask;
      return [...encoded(first, start - 1, length), ...encoded(start, last, length)];
    }
  }
  const low = utf8(first, length);
  const high = utf8(last, length);
  return [low.map((byte, i) => bytesIn([byte, high[i]!]))];
}

const LEAD = [0, 0, 0xc0, 0xe0, 0xf0] as const;

function utf8(code: number, length: number): number[] {
  const bytes: number[] = [];
  for (let i = length - 2; i >= 0; i--) bytes.push(0x80 | ((code >>> (6 * i)) & 0x3f));
  return [LEAD[length]! | (code >>> (6 * (length - 1))), ...bytes];
}
