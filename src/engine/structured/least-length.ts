import type { Expr } from './expr.ts';

/** Lengths that are known, of expressions that were asked for. */
export type Lengths = Map<Expr, number>;

/**
 * Bytes of a text that fits, as few as can be seen without a search: infinite where there is none. Of an intersection
 * it is what the longer side takes at least, and of a rule what was found for it when it was checked.
 */
export function leastLength(expr: Expr, known: Lengths): number {
  let length = known.get(expr);
  if (length === undefined) known.set(expr, (length = compute(expr, known)));
  return length;
}

function compute(expr: Expr, known: Lengths): number {
  const of = (part: Expr) => leastLength(part, known);
  switch (expr.kind) {
    case 'never':
      return Number.POSITIVE_INFINITY;
    case 'empty':
      return 0;
    case 'bytes':
      return 1;
    case 'literal':
      return expr.bytes.length - expr.from;
    case 'seq':
      return alongSequence(expr, known);
    case 'alt':
      return expr.members.reduce((least, member) => Math.min(least, of(member)), Number.POSITIVE_INFINITY);
    case 'repeat':
      return expr.min === 0 ? 0 : expr.min * of(expr.of);
    case 'both':
      return Math.max(of(expr.one), of(expr.other));
    case 'except':
      return of(expr.one);
    case 'rule':
      return expr.least ?? Number.POSITIVE_INFINITY;
  }
}

/** From its end on: a sequence may be too long to go down into. */
function alongSequence(whole: Expr, known: Lengths): number {
  const parts: (Expr & { readonly kind: 'seq' })[] = [];
  let rest = whole;
  for (; rest.kind === 'seq' && !known.has(rest); rest = rest.then) parts.push(rest);
  let length = leastLength(rest, known);
  for (const part of parts.reverse()) {
    length += leastLength(part.first, known);
    known.set(part, length);
  }
  return length;
}
