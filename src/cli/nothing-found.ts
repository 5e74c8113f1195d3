import { UsageError } from '../core/errors.ts';
import type { Outcome } from '../validation/run-studies.ts';
import { expectedData } from './data-folder.ts';

/** Those that read the folder of measurements and found nothing in it to check: green, they would pass for held. */
export function withoutData(outcomes: readonly Outcome[]): Outcome[] {
  return outcomes.filter(({ study, result }) => study.needsData && result.cases.length === 0);
}

/** The same, where nothing else of their suite was checked against measurements either. */
export function withoutSuite(outcomes: readonly Outcome[]): Outcome[] {
  const reading = outcomes.filter(({ study }) => study.needsData);
  const checked = new Set(
    reading.flatMap(({ study, result }) => (result.cases.length > 0 ? [study.suite] : [])),
  );
  return withoutData(reading).filter(({ study }) => !checked.has(study.suite));
}

export function nothingFound(outcomes: readonly Outcome[], folder: string): UsageError {
  return new UsageError(nothingFoundText(outcomes, folder));
}

export function nothingFoundText(outcomes: readonly Outcome[], folder: string): string {
  const names = outcomes.map(({ study }) => study.name).join(', ');
  const reasons = new Set(outcomes.flatMap(({ result }) => result.notes.filter(isReason)));
  return [`${folder}: nothing there that ${names} can check; expected ${expectedData}`, ...reasons].join(
    '; ',
  );
}

/** Among the notes of a study, what it says of data that it did not take. */
const isReason = (note: string): boolean => note.startsWith('left out: ');
