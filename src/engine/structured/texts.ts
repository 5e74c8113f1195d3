import type { Expr } from './expr.ts';
import type { Exprs } from './exprs.ts';

const encoder = new TextEncoder();

/** One of some texts. What they begin with in common is there once, so that of thousands few are left after a letter. */
export function oneOf(exprs: Exprs, texts: readonly string[]): Expr {
  const sorted = [...new Set(texts)].map(text => encoder.encode(text)).sort(compare);
  return branch(exprs, sorted, 0);
}

/** @param texts sorted, all the same up to `from`. */
function branch(exprs: Exprs, texts: readonly Uint8Array[], from: number): Expr {
  const ways: Expr[] = [];
  for (let at = 0; at < texts.length; ) {
    const first = texts[at]!;
    let end = at + 1;
    while (end < texts.length && texts[end]![from] === first[from]) end++;
    if (end === at + 1) ways.push(exprs.literal(first.subarray(from)));
    else {
      // The first and the last differ the most.
      const last = texts[end - 1]!;
      let to = from + 1;
      while (to < first.length && first[to] === last[to]) to++;
      ways.push(exprs.seq(exprs.literal(first.subarray(from, to)), branch(exprs, texts.slice(at, end), to)));
    }
    at = end;
  }
  return exprs.union(ways);
}

function compare(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}
