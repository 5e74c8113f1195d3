import type { Baseline } from './baseline.ts';
import type { Outcome } from './run-studies.ts';

/** How many cases there are, and how many of them a baseline knows. */
export function compared(
  outcomes: readonly Outcome[],
  baseline: Baseline,
): { readonly known: number; readonly all: number } {
  const before = new Set(
    baseline.studies.flatMap(({ name, cases }) => cases.map(({ what, source }) => keyOf(name, what, source))),
  );
  const keys = outcomes.flatMap(({ study, result }) =>
    result.cases.map(({ what, source }) => keyOf(study.name, what, source)),
  );
  return { known: keys.filter(key => before.has(key)).length, all: keys.length };
}

const keyOf = (...parts: readonly string[]): string => parts.join('\n');
