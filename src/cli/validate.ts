import { join } from 'node:path';
import type { Command } from 'commander';
import { unknownName } from '../core/did-you-mean.ts';
import { UsageError } from '../core/errors.ts';
import { baselineText, judge } from '../validation/accuracy.ts';
import { accuracyDocument } from '../validation/accuracy-document.ts';
import { type Baseline, parseBaseline, regressions } from '../validation/baseline.ts';
import { compared } from '../validation/compared.ts';
import { type Outcome, runStudies } from '../validation/run-studies.ts';
import type { DataFolder, Study } from '../validation/study.ts';
import { suites } from '../validation/suites.ts';
import { type Crossing, crossings } from '../validation/summary.ts';
import { accuracyText, crossingLine, regressionLine } from './accuracy-text.ts';
import { commandLine } from './command-line.ts';
import { defaultDataFolder, expectedData, openDataFolder } from './data-folder.ts';
import { readJson } from './files.ts';
import { nothingFound, nothingFoundText, withoutData, withoutSuite } from './nothing-found.ts';
import { OutputFile } from './output-file.ts';
import { Progress } from './progress.ts';
import { validateLiveCommand } from './validate-live.ts';
import { version } from './version.ts';

export interface ValidateOptions {
  readonly data?: string;
  readonly json?: boolean;
  readonly markdown?: boolean;
  readonly baseline?: string;
  readonly write?: string;
}

export function validateCommand(program: Command): void {
  const command = program
    .command('validate')
    .description('the published record beside what Quire says, and the error; exit 1 beyond a bound')
    .argument('[suite...]', `which: ${Object.keys(suites).join(', ')} (default: all)`)
    .option('--data <dir>', 'recorded measurements (default: QUIRE_DATA, else ../shared/data)')
    .option('--json', 'print as JSON')
    .option('--markdown', 'print as a Markdown document')
    .option(
      '--baseline <file>',
      'an earlier --json: also exit 1 where an error grew; its crossings are known',
    )
    .option('--write <dir>', 'also write accuracy.md, and accuracy.json to be a baseline')
    .action(async (named: string[], options: ValidateOptions) => {
      // Here, so that other commands need not load them.
      const { studies } = await import('../validation/registry.ts');
      await validate(named, options, studies);
    });
  validateLiveCommand(command);
}

/** Runs the studies of the suites that are named, or all; prints, writes and judges what came of them. */
export async function validate(
  named: readonly string[],
  options: ValidateOptions,
  all: readonly Study[],
): Promise<void> {
  const known = Object.keys(suites);
  const unknown = named.find(suite => !known.includes(suite));
  if (unknown !== undefined) throw unknownSuite(unknown, known, all);
  if (options.json && options.markdown) throw new UsageError('--json and --markdown exclude each other');
  const wanted = all.filter(({ suite }) => named.length === 0 || named.includes(suite));
  const data = openDataFolder(options.data);
  const runnable = data ? wanted : wanted.filter(({ needsData }) => !needsData);
  const leftOut = wanted.filter(study => !runnable.includes(study));
  if (named.length > 0 && leftOut.length > 0) throw missingData(leftOut);
  const baseline = options.baseline === undefined ? undefined : await readBaseline(options.baseline);
  const files = options.write === undefined ? undefined : documentFiles(options, named, leftOut);

  if (baseline) checkBaseline(baseline, options.baseline!, runnable);
  const outcomes = await run(runnable, data);
  const missing = missingOutcomes(outcomes, named, options);
  if (data && missing.length > 0 && (files || outcomes.every(({ result }) => result.cases.length === 0))) {
    throw nothingFound(missing, data.name);
  }
  if (files) {
    await files.markdown.write(accuracyDocument(outcomes));
    await files.json.write(baselineText(outcomes));
  }
  process.stdout.write(shown(outcomes, options));
  if (files) process.stderr.write(`written: ${files.markdown.path}, ${files.json.path}\n`);
  if (leftOut.length > 0) {
    const why = `${defaultDataFolder()} is absent; expected ${expectedData}`;
    process.stderr.write(`left out: ${leftOut.map(({ name }) => name).join(', ')}: ${why}\n`);
  }
  const empty = withoutData(outcomes);
  if (data && empty.length > 0) process.stderr.write(`left out: ${nothingFoundText(empty, data.name)}\n`);
  const notRun = all.filter(study => !runnable.includes(study)).map(({ name }) => name);
  const failed = judged(outcomes, baseline, notRun);
  if (missing.length > 0) process.exitCode = 2;
  else if (failed) process.exitCode = 1;
}

/** Studies whose silence is an error: of a suite that was named, of documents, of a folder that holds none at all. */
function missingOutcomes(
  outcomes: readonly Outcome[],
  named: readonly string[],
  { data, write }: ValidateOptions,
): Outcome[] {
  if (write !== undefined) return withoutData(outcomes);
  const empty = withoutSuite(outcomes);
  const isForeign =
    data !== undefined && empty.length === outcomes.filter(({ study }) => study.needsData).length;
  return named.length > 0 || isForeign ? empty : [];
}

function unknownSuite(name: string, known: readonly string[], all: readonly Study[]): UsageError {
  const study = all.find(one => one.name === name);
  if (!study) return unknownName('suite', name, known);
  return new UsageError(
    `unknown suite "${name}": it is a study of ${study.suite}; run it by quire experiment ${name}, or its suite by ` +
      `quire validate ${study.suite}`,
  );
}

async function run(studies: readonly Study[], data: DataFolder | undefined): Promise<Outcome[]> {
  const progress = new Progress();
  try {
    return await runStudies(studies, {
      ...(data && { data }),
      progress: (done, label) => progress.update(done, label),
    });
  } finally {
    progress.end();
  }
}

/** Says on stderr what is beyond its bound or worse than before. @returns whether that is a failure. */
function judged(
  outcomes: readonly Outcome[],
  baseline: Baseline | undefined,
  notRun: readonly string[],
): boolean {
  const worse = baseline ? regressions(outcomes, baseline, notRun) : [];
  const { known, all } = baseline ? compared(outcomes, baseline) : { known: 0, all: 0 };
  if (known < all)
    process.stderr.write(`compared with the baseline: ${known} of ${all} cases, the others are new\n`);
  for (const regression of worse) process.stderr.write(`worse: ${regressionLine(regression)}\n`);
  const crossed = crossings(outcomes);
  const said = (crossing: Crossing) =>
    worse.some(({ study, what }) => study === crossing.study && what === crossing.case.what);
  // Against a baseline the question is what got worse: its own crossings are shown, and no news.
  const as = baseline ? 'bound crossed, as in the baseline' : 'bound crossed';
  for (const crossing of crossed) {
    if (!said(crossing)) process.stderr.write(`${as}: ${crossingLine(crossing)}\n`);
  }
  return baseline ? worse.length > 0 : crossed.length > 0;
}

function shown(outcomes: readonly Outcome[], { json, markdown }: ValidateOptions): string {
  if (markdown) return accuracyDocument(outcomes);
  if (!json) return `${accuracyText(outcomes)}\n`;
  const crossed = crossings(outcomes).map(({ study, case: { what, source } }) => ({ study, what, source }));
  const document = { quire: { version, command: commandLine() }, studies: judge(outcomes), crossed };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** A list of other studies would find nothing worse, whatever happened. */
function checkBaseline({ studies }: Baseline, file: string, runnable: readonly Study[]): void {
  const known = studies.filter(({ cases }) => cases.length > 0).map(({ name }) => name);
  if (runnable.length === 0 || runnable.some(({ name }) => known.includes(name))) return;
  throw new UsageError(
    `--baseline ${file}: has no case of ${runnable.map(({ name }) => name).join(', ')}` +
      `${known.length > 0 ? `, only of ${known.join(', ')}` : ''}; expected what quire validate --json or --write ` +
      'wrote of the same suites',
  );
}

async function readBaseline(file: string): Promise<Baseline> {
  return parseBaseline(await readJson(file), file);
}

/** The documents speak of all suites; half of them would pass for the whole. */
function documentFiles(
  { write, baseline }: ValidateOptions,
  named: readonly string[],
  leftOut: readonly Study[],
): { markdown: OutputFile; json: OutputFile } {
  if (write === '') throw new UsageError('--write: expected the name of a folder, found ""');
  if (named.length > 0) throw new UsageError('--write is of every suite; leave the names away');
  if (leftOut.length > 0) throw missingData(leftOut);
  return {
    markdown: new OutputFile('--write', join(write!, 'accuracy.md'), [baseline]),
    json: new OutputFile('--write', join(write!, 'accuracy.json'), [baseline]),
  };
}

function missingData(studies: readonly Study[]): UsageError {
  const names = studies.map(({ name }) => name).join(', ');
  return new UsageError(`${defaultDataFolder()} is absent, and ${names} needs it; expected ${expectedData}`);
}
