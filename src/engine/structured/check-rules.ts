import { quoted, UsageError } from '../../core/errors.ts';
import { nullable } from './derive.ts';
import type { Expr, Rule } from './expr.ts';
import type { Exprs } from './exprs.ts';
import { type Lengths, leastLength } from './least-length.ts';

/**
 * Finds out which rules may be empty, and refuses those that a derivative would never come to the end of.
 * @throws UsageError for a rule that begins with itself, or that no finite text fits.
 */
export function checkRules(exprs: Exprs): void {
  const { rules } = exprs;
  const empty = emptyRules(exprs);
  for (const rule of rules) rule.nullable = empty.has(rule);
  measureRules(exprs);
  for (const rule of rules) {
    if (rule.least !== undefined) continue;
    throw new UsageError(
      `no text is ever complete by ${quoted(rule.name)}, which always contains itself: give it an end`,
    );
  }
  refuseLeftRecursion(exprs);
}

/** The rules that may be empty, from none on until no more are found. */
function emptyRules(exprs: Exprs): Set<Rule> {
  const found = new Set<Rule>();
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    const known = new Map<Expr, boolean>();
    const holds = (expr: Expr): boolean => {
      let value = known.get(expr);
      if (value === undefined) {
        exprs.work.spend(1);
        known.set(expr, (value = mayBeEmpty(expr, holds, found)));
      }
      return value;
    };
    for (const rule of exprs.rules) if (holds(rule.body!)) found.add(rule);
  }
  return found;
}

function mayBeEmpty(expr: Expr, holds: (part: Expr) => boolean, rules: ReadonlySet<Rule>): boolean {
  switch (expr.kind) {
    case 'seq':
      return sequenceHolds(expr, holds);
    case 'alt':
      return expr.members.some(holds);
    case 'repeat':
      return expr.min === 0 || holds(expr.of);
    case 'both':
      return holds(expr.one) && holds(expr.other);
    case 'except':
      return holds(expr.one) && !holds(expr.other);
    case 'rule':
      return rules.has(expr);
    default:
      return expr.kind === 'empty';
  }
}

/** Without going down into what may be too long for it. */
function sequenceHolds(whole: Expr, holds: (part: Expr) => boolean): boolean {
  let rest = whole;
  for (; rest.kind === 'seq'; rest = rest.then) if (!holds(rest.first)) return false;
  return holds(rest);
}

/** Those of which some text is complete, found from those before: going by these lengths comes to an end. */
function measureRules(exprs: Exprs): void {
  for (let before = -1, found = 0; before !== found; ) {
    before = found;
    const known: Lengths = new Map();
    const finite = exprs.rules.filter(rule => leastLength(rule.body!, known) < Number.POSITIVE_INFINITY);
    for (const rule of finite) rule.least ??= leastLength(rule.body!, known);
    found = finite.length;
    exprs.work.spend(known.size);
  }
}

function refuseLeftRecursion(exprs: Exprs): void {
  const done = new Set<Expr>();
  const open = new Set<Expr>();
  const visit = (expr: Expr): void => {
    if (done.has(expr)) return;
    if (open.has(expr)) {
      const name = expr.kind === 'rule' ? expr.name : '';
      throw new UsageError(
        `the rule ${quoted(name)} begins with itself: write it as a repetition, such as item ("," item)*`,
      );
    }
    if (expr.kind === 'rule') open.add(expr);
    exprs.work.down();
    for (const part of beginnings(expr)) visit(part);
    exprs.work.up();
    open.delete(expr);
    done.add(expr);
  };
  for (const rule of exprs.rules) visit(rule);
}

function beginnings(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'seq':
      return nullable(expr.first) ? [expr.first, expr.then] : [expr.first];
    case 'alt':
      return expr.members;
    case 'repeat':
      return [expr.of];
    case 'both':
    case 'except':
      return [expr.one, expr.other];
    case 'rule':
      return [expr.body!];
    default:
      return [];
  }
}
