import { type Case, errorOf, isCrossed } from './case.ts';
import { errorText } from './case-text.ts';
import type { Outcome } from './run-studies.ts';

/** Cases beyond their bound, with the study that each is of. */
export interface Crossing {
  readonly study: string;
  readonly case: Case;
}

export function crossings(outcomes: readonly Outcome[]): Crossing[] {
  return outcomes.flatMap(({ study, result }) =>
    result.cases.filter(isCrossed).map(figure => ({ study: study.name, case: figure })),
  );
}

/** Whether what was aimed at is missed: no failure, but said. */
export function isMissed(of: Case): boolean {
  return of.aim !== undefined && !(Math.abs(errorOf(of)) <= of.aim);
}

/** By size of the error, the largest first; a point counts as a per cent, and no number as the worst. */
export function worstFirst(cases: readonly Case[]): Case[] {
  return [...cases].sort((a, b) => size(b) - size(a));
}

/** "12 cases, worst error +8.1 % (batch of orca-max), 2 beyond their bound" */
export function summary(cases: readonly Case[]): string {
  if (cases.length === 0) return 'no cases';
  const worst = worstFirst(cases)[0]!;
  const crossed = cases.filter(isCrossed).length;
  const beyond =
    crossed === 0 ? 'none beyond its bound' : `${crossed} beyond ${crossed === 1 ? 'its' : 'their'} bound`;
  const bounded = cases.filter(({ bound }) => bound !== undefined).length;
  const free = bounded === cases.length ? '' : ` (${cases.length - bounded} without a bound)`;
  const count = `${cases.length} ${cases.length === 1 ? 'case' : 'cases'}`;
  const missed = cases.filter(isMissed).length;
  const aims = missed === 0 ? '' : `, ${missed} short of ${missed === 1 ? 'its' : 'their'} aim`;
  return `${count}${free}, worst error ${errorText(worst)} (${worst.what}), ${beyond}${aims}`;
}

function size(of: Case): number {
  const error = Math.abs(errorOf(of)) * (of.points ? 1 : 100);
  return Number.isFinite(error) ? error : Number.MAX_VALUE;
}
