import { join } from 'node:path';
import type { Command } from 'commander';
import { unknownName } from '../core/did-you-mean.ts';
import { UsageError } from '../core/errors.ts';
import { judge } from '../validation/accuracy.ts';
import { type Outcome, runStudies } from '../validation/run-studies.ts';
import type { Study } from '../validation/study.ts';
import { studyText } from './accuracy-text.ts';
import { commandLine } from './command-line.ts';
import { defaultDataFolder, expectedData, openDataFolder } from './data-folder.ts';
import { table } from './format.ts';
import { nothingFound } from './nothing-found.ts';
import { OutputFile } from './output-file.ts';
import { Progress } from './progress.ts';
import { version } from './version.ts';

export interface ExperimentOptions {
  readonly data?: string;
  readonly json?: boolean;
  readonly out?: string;
}

export function experimentCommand(program: Command): void {
  program
    .command('experiment')
    .description('runs one study of the record: its table, a results file and a figure')
    .argument('[name]', 'which; without it, they are listed')
    .option('--data <dir>', 'recorded measurements (default: QUIRE_DATA, else ../shared/data)')
    .option('--json', 'print as JSON')
    .option('--out <dir>', 'where NAME.json and NAME.svg go (default: quire-results)')
    .action(async (name: string | undefined, options: ExperimentOptions) => {
      const { studies } = await import('../validation/registry.ts');
      await experiment(name, options, studies);
    });
}

/** Runs the study of this name, prints it and writes its results and its figure; without a name, lists them. */
export async function experiment(
  name: string | undefined,
  options: ExperimentOptions,
  all: readonly Study[],
): Promise<void> {
  if (name === undefined) {
    process.stdout.write(`${list(all, options)}\n`);
    return;
  }
  const study = all.find(candidate => candidate.name === name);
  if (!study)
    throw unknownName(
      'experiment',
      name,
      all.map(candidate => candidate.name),
    );
  const data = openDataFolder(options.data);
  if (study.needsData && !data) {
    throw new UsageError(`${defaultDataFolder()} is absent, and ${name} needs it; expected ${expectedData}`);
  }
  if (options.out === '') throw new UsageError('--out: expected the name of a folder, found ""');
  const folder = options.out ?? 'quire-results';
  const json = new OutputFile('--out', join(folder, `${name}.json`), []);
  const svg = new OutputFile('--out', join(folder, `${name}.svg`), []);

  const progress = new Progress();
  let outcome: Outcome;
  try {
    const context = { ...(data && { data }), progress: progress.update.bind(progress) };
    outcome = (await runStudies([study], context))[0]!;
  } finally {
    progress.end();
  }
  if (data && study.needsData && outcome.result.cases.length === 0) throw nothingFound([outcome], data.name);
  const { charts } = outcome.result;
  const document = { quire: { version, command: commandLine() }, ...judge([outcome])[0]!, charts };
  const text = `${JSON.stringify(document, null, 2)}\n`;
  const written = [json.path];
  await json.write(text);
  if (charts.length > 0) {
    // d3 is a quarter of a second that no other command should wait for.
    const { figure } = await import('../../viz/chart.ts');
    await svg.write(figure(charts, study.title));
    written.push(svg.path);
  }
  if (options.json) process.stdout.write(text);
  else process.stdout.write(`${studyText(outcome)}\n\nresults: ${written.join(', ')}\n`);
}

function list(all: readonly Study[], { json }: ExperimentOptions): string {
  if (json) {
    const experiments = all.map(({ name, suite, title, needsData }) => ({
      name,
      suite,
      title,
      needs_data: needsData,
    }));
    return JSON.stringify({ experiments }, null, 2);
  }
  const rows = all.map(({ name, suite, title, needsData }) => [name, suite, needsData ? 'yes' : 'no', title]);
  return table(['experiment', 'suite', 'needs data', 'title'], rows);
}
