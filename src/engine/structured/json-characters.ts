import { characterOf, normalized, type Range, without } from './code-points.ts';
import type { Expr } from './expr.ts';
import type { Exprs } from './exprs.ts';

/** What a string of JSON must not have as it is. */
const escaped: readonly Range[] = [
  [0, 0x1f],
  [0x22, 0x22],
  [0x5c, 0x5c],
];
const all: readonly Range[] = [[0, 0x10ffff]];

const short = new Map([
  [0x22, '\\"'],
  [0x5c, '\\\\'],
  [8, '\\b'],
  [9, '\\t'],
  [10, '\\n'],
  [12, '\\f'],
  [13, '\\r'],
]);

/** One character of these as it stands in a string of JSON, each in one way: the shortest. */
export function jsonCharacterOf(exprs: Exprs, ranges: readonly Range[]): Expr {
  const ways = [characterOf(exprs, without(ranges, escaped))];
  for (const [first, last] of normalized(ranges)) {
    for (let code = first; code <= Math.min(last, 0x5c); code++) {
      if (code < 0x20 || code === 0x22 || code === 0x5c) ways.push(exprs.text(escapeOf(code)));
    }
  }
  return exprs.union(ways);
}

function escapeOf(code: number): string {
  return short.get(code) ?? `\\u${code.toString(16).padStart(4, '0')}`;
}

/** Any character of a string of JSON, each in one way. */
export function anyJsonCharacter(exprs: Exprs): Expr {
  return jsonCharacterOf(exprs, all);
}

/** Characters that stand as they are. */
export function plainJsonCharacter(exprs: Exprs): Expr {
  return characterOf(exprs, without(all, escaped));
}
