import type { Case } from './case.ts';
import { isCrossed } from './case.ts';
import { boundText, errorText, measuredText, predictedText } from './case-text.ts';
import { fitted } from './fitted.ts';
import type { Outcome } from './run-studies.ts';
import type { Study } from './study.ts';
import { suites } from './suites.ts';
import { crossings, isMissed, summary, worstFirst } from './summary.ts';

/** How many of the largest errors the document opens with. */
const WORST = 10;

/** The outcomes as a Markdown document: the worst first, then every case. The same outcomes give the same bytes. */
export function accuracyDocument(outcomes: readonly Outcome[]): string {
  const cases = outcomes.flatMap(({ result }) => result.cases);
  const crossed = crossings(outcomes);
  const bounded = cases.filter(({ bound }) => bound !== undefined).length;
  const missed = cases.filter(isMissed).length;
  const parts = [
    '# Accuracy',
    'Every published or measured figure that Quire is held against, what it says instead, and the error. Written by ' +
      '`npm run accuracy`; `npx quire validate` prints the same as a table. An error of a figure that is itself a ' +
      'percentage is in points; a figure inside a published range has none.',
    `**${cases.length} cases, ${bounded} of them with a bound; ${crossed.length} beyond it, ${missed} short of what ` +
      'was aimed at.** Those, and the largest errors:',
    caseTable(worst(outcomes), true),
    'Some constants were read off rows that they are then held against; there a small error proves less:',
    fitted
      .map(({ constant, from, without }) => `- ${constant}: from ${from}. Without: ${without}.`)
      .join('\n'),
  ];
  const present = (Object.keys(suites) as Study['suite'][]).filter(suite =>
    outcomes.some(({ study }) => study.suite === suite),
  );
  for (const suite of present) {
    parts.push(`## ${suites[suite]}`);
    for (const { study, result } of outcomes.filter(outcome => outcome.study.suite === suite)) {
      parts.push(`### ${study.title}`, `\`${study.name}\`: ${cell(summary(result.cases))}.`);
      if (result.cases.length > 0) parts.push(caseTable(result.cases.map(of => ({ case: of }))));
      if (result.notes.length > 0) parts.push(result.notes.map(note => `- ${cell(note)}`).join('\n'));
    }
  }
  return `${parts.join('\n\n')}\n`;
}

interface Row {
  readonly case: Case;
  readonly study?: string;
}

/** Every case beyond its bound, every one short of its aim, then the largest of the others, up to `WORST`. */
function worst(outcomes: readonly Outcome[]): Row[] {
  const studyOf = new Map(
    outcomes.flatMap(({ study, result }) => result.cases.map(of => [of, study.name] as const)),
  );
  const sorted = worstFirst([...studyOf.keys()]);
  const crossed = sorted.filter(isCrossed);
  const missed = sorted.filter(of => isMissed(of) && !isCrossed(of));
  const said = [...crossed, ...missed];
  const others = sorted.filter(of => !said.includes(of)).slice(0, Math.max(0, WORST - said.length));
  return [...said, ...others].map(of => ({ case: of, study: studyOf.get(of)! }));
}

function caseTable(rows: readonly Row[], studies = false): string {
  const noted = rows.some(row => row.case.note !== undefined);
  const head = [...(studies ? ['study'] : []), 'what', 'source', 'measured', 'predicted', 'error', 'bound'];
  const numeric = new Set(['measured', 'predicted', 'error', 'bound']);
  if (noted) head.push('note');
  const lines = rows.map(({ case: of, study }) => {
    const error = isCrossed(of) ? `**${errorText(of)}**` : errorText(of);
    const cells = [of.what, of.source, measuredText(of), predictedText(of), error, boundText(of)];
    return [...(studies ? [study ?? ''] : []), ...cells, ...(noted ? [of.note ?? ''] : [])];
  });
  const rule = head.map(name => (numeric.has(name) ? '--:' : '---'));
  return [head, rule, ...lines].map(cells => `| ${cells.map(cell).join(' | ')} |`).join('\n');
}

function cell(text: string): string {
  return text
    .replaceAll('|', '\\|')
    .replaceAll('<', '&lt;')
    .replace(/\s*\n\s*/g, ' ');
}
