import { type Case, errorOf, isCrossed } from './case.ts';
import type { Outcome } from './run-studies.ts';

/** A case with what came of it, as JSON: an error that is no number is null. */
export interface JudgedCase extends Case {
  /** Signed; relative (0.05), or in points where `points` is set. */
  readonly error: number | null;
  readonly crossed: boolean;
}

export interface JudgedStudy {
  readonly name: string;
  readonly suite: string;
  readonly title: string;
  readonly cases: readonly JudgedCase[];
  readonly notes: readonly string[];
}

/** The outcomes as `quire validate --json` prints them. */
export function judge(outcomes: readonly Outcome[]): JudgedStudy[] {
  return outcomes.map(({ study: { name, suite, title }, result }) => ({
    name,
    suite,
    title,
    cases: result.cases.map(judgedCase),
    notes: result.notes,
  }));
}

export function judgedCase(of: Case): JudgedCase {
  const error = errorOf(of);
  return { ...of, error: Number.isFinite(error) ? error : null, crossed: isCrossed(of) };
}

/**
 * The baseline that is kept beside the document: a case a line, so that a change shows which figures it moved.
 * Errors are rounded to a hundredth of a per cent or point, predictions to four digits.
 */
export function baselineText(outcomes: readonly Outcome[]): string {
  const studies = judge(outcomes).map(({ name, suite, cases }) => {
    const lines = cases.map(({ what, source, predicted, error, points, aim, crossed }) =>
      JSON.stringify({
        what,
        source,
        predicted: Number.isFinite(predicted) ? Number(predicted.toPrecision(4)) : null,
        error: error === null ? null : Number(error.toFixed(points ? 2 : 4)),
        ...(points && { points }),
        ...(aim !== undefined && { aim }),
        crossed,
      }),
    );
    return `{"name":${JSON.stringify(name)},"suite":${JSON.stringify(suite)},"cases":[\n${lines.join(',\n')}\n]}`;
  });
  return `{"studies":[\n${studies.join(',\n')}\n]}\n`;
}
