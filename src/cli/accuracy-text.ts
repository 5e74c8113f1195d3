import type { Regression } from '../validation/baseline.ts';
import { type Case, isCrossed } from '../validation/case.ts';
import { boundText, errorText, measuredText, predictedText, signed } from '../validation/case-text.ts';
import type { Outcome } from '../validation/run-studies.ts';
import { type Crossing, isMissed, summary, worstFirst } from '../validation/summary.ts';
import { bold, table, whole, wrap } from './format.ts';

const MARK = '✗';
const AIM_MARK = '○';

/** The outcomes as one table: a heading and a summary for each study, a row for each of its cases. */
export function accuracyText(outcomes: readonly Outcome[]): string {
  const rows = caseRows(outcomes.flatMap(({ result }) => result.cases));
  const parts: string[] = [rows.head];
  let next = 0;
  for (const { study, result } of outcomes) {
    const own = rows.lines.slice(next, (next += result.cases.length));
    parts.push('', bold(`${study.suite} · ${study.name} · ${study.title}`));
    if (own.length > 0) parts.push(own.join('\n'));
    parts.push(wrap(summary(result.cases)), ...noteLines(result.cases, result.notes));
  }
  if (outcomes.length > 1) parts.push('', studyTable(outcomes));
  parts.push('', totals(outcomes.flatMap(({ result }) => result.cases)));
  return parts.join('\n');
}

/** A line a study, for those who will not read a thousand. */
function studyTable(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(({ study, result: { cases } }) => {
    const [worst] = worstFirst(cases);
    return [
      study.name,
      whole(cases.length),
      whole(cases.filter(isCrossed).length),
      whole(cases.filter(isMissed).length),
      worst ? errorText(worst) : 'left out',
    ];
  });
  const worst = alignRight(['worst error', ...rows.map(row => row.at(-1)!)]);
  const shown = rows.map((row, i) => [...row.slice(0, -1), worst[i + 1]!]);
  return table(['study', 'cases', `beyond ${MARK}`, `short of aim ${AIM_MARK}`, worst[0]!], shown);
}

/** One study, as `quire experiment` shows it. */
export function studyText({ study, result }: Outcome): string {
  const rows = caseRows(result.cases);
  const parts = [bold(study.title)];
  if (result.cases.length > 0) parts.push('', rows.head, rows.lines.join('\n'));
  parts.push('', wrap(summary(result.cases)), ...noteLines(result.cases, result.notes));
  return parts.join('\n');
}

export function crossingLine({ study, case: of }: Crossing): string {
  // Without figures there is nothing to compare, only why.
  if (!Number.isFinite(of.predicted) && of.note !== undefined) return `${study}: ${of.what}: ${of.note}`;
  return (
    `${study}: ${of.what}: ${predictedText(of)}, measured ${measuredText(of)} (${of.source}): ` +
    `${errorText(of)}, bound ${boundText(of)}`
  );
}

export function regressionLine({ study, what, source, became, before, after, points }: Regression): string {
  const named = `${study}: ${what} (${source})`;
  if (after === undefined) return `${named}: is in the baseline, but no longer measured`;
  const error = signed(after, points);
  const was =
    before === undefined ? `error ${error}, and new` : `error ${error}, was ${signed(before, points)}`;
  return `${named}: ${became === 'beyond' ? `crossed its bound: ${was}` : was}`;
}

/** Every line but the head stands for one case, of as many lines of text as its longest cell. */
function caseRows(cases: readonly Case[]): { head: string; lines: string[] } {
  const [error, ...errors] = alignRight(['error', ...cases.map(errorText)]);
  const rows = cases.map((of, i) => [
    wrap(of.what, 64),
    wrap(of.source, 46),
    measuredText(of),
    predictedText(of),
    errors[i]!,
    boundText(of),
    isCrossed(of) ? MARK : isMissed(of) ? AIM_MARK : '',
  ]);
  const text = table(['case', 'source', 'measured', 'predicted', error!, 'bound', ''], rows).split('\n');
  const lines = rows.map(row =>
    text.splice(1, Math.max(...row.map(cell => cell.split('\n').length))).join('\n'),
  );
  return { head: text[0]!, lines };
}

/** A sign in front keeps the column from counting as numbers, which are put to the right. */
function alignRight(texts: readonly string[]): string[] {
  const width = Math.max(0, ...texts.map(text => text.length));
  return texts.map(text => text.padStart(width));
}

/** A note that several cases share is said once. */
function noteLines(cases: readonly Case[], notes: readonly string[]): string[] {
  const noted = new Map<string, string[]>();
  for (const { what, note } of cases) {
    if (note !== undefined) noted.set(note, [...(noted.get(note) ?? []), what]);
  }
  const own = [...noted].map(([note, [first, ...others]]) => {
    const more = others.length === 0 ? '' : ` and ${others.length} more`;
    return `${first}${more}: ${note}`;
  });
  return [...own, ...notes].map(note => wrap(`note: ${note}`));
}

function totals(cases: readonly Case[]): string {
  const [crossed, missed] = [cases.filter(isCrossed).length, cases.filter(isMissed).length];
  const all = `${cases.length} ${cases.length === 1 ? 'case' : 'cases'} in all`;
  const beyond = crossed === 0 ? 'none beyond its bound' : `${crossed} beyond the bound (${MARK})`;
  return `${all}, ${beyond}${missed === 0 ? '' : `, ${missed} short of the aim (${AIM_MARK})`}`;
}
