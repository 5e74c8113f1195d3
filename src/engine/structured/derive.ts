import { invariant } from '../../core/invariant.ts';
import { hasByte } from './byte-set.ts';
import type { Expr } from './expr.ts';
import type { Exprs } from './exprs.ts';

/** Whether the empty text is in it. Of rules it must be known before (`checkRules`). */
export function nullable(expr: Expr): boolean {
  return (expr.nullable ??= expr.kind === 'seq' ? allNullable(expr) : computeNullable(expr));
}

/** A sequence may be too long to go down into. What holds of it holds of its ends, as far as one has to look. */
function allNullable(whole: Expr): boolean {
  let rest = whole;
  let result = true;
  for (; result && rest.kind === 'seq' && rest.nullable === undefined; rest = rest.then) {
    if (!nullable(rest.first)) result = false;
  }
  result &&= nullable(rest);
  for (let part = whole; part !== rest && part.kind === 'seq'; part = part.then) part.nullable = result;
  return result;
}

function computeNullable(expr: Exclude<Expr, { kind: 'seq' }>): boolean {
  switch (expr.kind) {
    case 'never':
    case 'bytes':
    case 'literal':
      return false;
    case 'empty':
      return true;
    case 'alt':
      return expr.members.some(nullable);
    case 'repeat':
      return expr.min === 0 || nullable(expr.of);
    case 'both':
      return nullable(expr.one) && nullable(expr.other);
    case 'except':
      return nullable(expr.one) && !nullable(expr.other);
    case 'rule':
      invariant(false, () => `rule ${expr.name} has not been checked`);
  }
}

/** What may follow when a text of `expr` begins with this byte; `never` when none does. */
export function derive(exprs: Exprs, expr: Expr, byte: number): Expr {
  switch (expr.kind) {
    case 'never':
    case 'empty':
      return exprs.never;
    case 'bytes':
      return hasByte(expr.set, byte) ? exprs.empty : exprs.never;
    case 'literal':
      return expr.bytes[expr.from] === byte ? exprs.rest(expr) : exprs.never;
    default: {
      const next = exprs.nextOf(expr);
      const at = exprs.classes.of[byte]!;
      const known = next[at];
      if (known) return known;
      exprs.work.down();
      const made = compute(exprs, expr, byte);
      exprs.work.up();
      return (next[at] = made);
    }
  }
}

type Compound = Extract<Expr, { kind: 'seq' | 'alt' | 'repeat' | 'both' | 'except' | 'rule' }>;

function compute(exprs: Exprs, expr: Compound, byte: number): Expr {
  exprs.work.spend(1);
  const d = (part: Expr) => derive(exprs, part, byte);
  switch (expr.kind) {
    case 'seq': {
      const after = exprs.seq(d(expr.first), expr.then);
      return nullable(expr.first) ? exprs.alt(after, d(expr.then)) : after;
    }
    case 'alt':
      exprs.work.spend(expr.members.length >>> 3);
      return exprs.union(expr.members.map(d));
    case 'repeat': {
      const { of, min, max } = expr;
      const after = d(of);
      if (after === exprs.never) return after;
      // Where nothing counts as once, the least number is reached by nothing.
      return exprs.seq(after, exprs.repeat(of, nullable(of) ? 0 : Math.max(0, min - 1), max - 1));
    }
    case 'both':
      return living(exprs, exprs.both(d(expr.one), d(expr.other)));
    case 'except':
      return living(exprs, exprs.except(d(expr.one), d(expr.other)));
    case 'rule':
      return d(expr.body!);
  }
}

/**
 * The expression, or `never` when there is no text in it: an intersection may be empty though neither side is, and
 * an output that went there could not end.
 */
export function living(exprs: Exprs, expr: Expr): Expr {
  if (expr.kind !== 'both' && expr.kind !== 'except') return expr;
  expr.alive ??= search(exprs, expr);
  return expr.alive ? expr : exprs.never;
}

/** Depth first, for most ways lead to an end. */
function search(exprs: Exprs, start: Expr): boolean {
  const seen = new Set<Expr>([start]);
  const bytes = exprs.classes.members;
  const path: { readonly at: Expr; tried: number }[] = [{ at: start, tried: 0 }];
  while (path.length > 0) {
    const top = path.at(-1)!;
    if (top.at.alive || nullable(top.at)) {
      for (const { at } of path) at.alive = true;
      return true;
    }
    if (top.tried === bytes.length) {
      path.pop();
      continue;
    }
    const next = step(exprs, top.at, bytes[top.tried++]!);
    if (next === exprs.never || next.alive === false || seen.has(next)) continue;
    seen.add(next);
    path.push({ at: next, tried: 0 });
  }
  for (const expr of seen) expr.alive = false;
  return false;
}

/** A derivative that may turn out to be empty. */
function step(exprs: Exprs, expr: Expr, byte: number): Expr {
  exprs.work.spend(1);
  if (expr.kind === 'both') return exprs.both(derive(exprs, expr.one, byte), derive(exprs, expr.other, byte));
  if (expr.kind === 'except')
    return exprs.except(derive(exprs, expr.one, byte), derive(exprs, expr.other, byte));
  return derive(exprs, expr, byte);
}
