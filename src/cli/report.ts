import { join } from 'node:path';
import type { Command } from 'commander';
import { quoted, UsageError } from '../core/errors.ts';
import { wrap } from './format.ts';
import { OutputFile } from './output-file.ts';
import { pagePath, pageWith, readPage } from './page.ts';
import { contentOf, recordResults } from './recorded-results.ts';
import { type ResultsFile, readResults } from './results-file.ts';
import { writeViews } from './views-output.ts';

export interface ReportOptions {
  readonly out?: string;
  readonly svg?: string;
  readonly policy?: string;
  readonly at?: string;
  readonly whole?: boolean;
}

/** More would not fit beside each other, nor into a mail. */
const MAX_POLICIES = 4;
/** Bytes of a report: what a mail takes without anybody thinking of it. */
const MAX_BYTES = 3e6;

export function reportCommand(program: Command): void {
  program
    .command('report')
    .description('the run of a results file as one HTML file, to be looked at without Quire or a network')
    .argument('<results>', 'what quire compare or quire run has written')
    .option('--out <file>', 'where the report goes (default: the name of the results, .html)')
    .option('--policy <names>', `which of its policies (default: the first ${MAX_POLICIES})`)
    .option('--whole', 'embed every run from start to end, even where that is more than 3 MB')
    .option('--svg <dir>', 'also write each view as POLICY.VIEW.svg into this folder')
    .option('--at <seconds>', 'the moment that the SVG show (default: the middle of each run)')
    .action(async (path: string, options: ReportOptions) => {
      await report(path, options);
    });
}

/** Repeats the first replication of each policy of a results file, and writes what there is to see. */
export async function report(path: string, options: ReportOptions, pageFile = pagePath): Promise<void> {
  const file = await readResults(path);
  const policies = chosen(file, options.policy);
  const at = momentOf(options);
  const html = await readPage(pageFile);
  const out = new OutputFile('--out', options.out ?? `${path.replace(/\.json$/, '')}.html`, [path]);
  // Any file of the folder tells whether it can be written to.
  if (options.svg !== undefined) new OutputFile('--svg', join(options.svg, 'view.svg'), []);
  const recorded = await recordResults(file, policies, path);
  const limit = options.whole ? Number.POSITIVE_INFINITY : roomIn(html);
  const { content, remarks } = await contentOf(file, recorded, limit);
  const text = pageWith(html, content);
  const views = options.svg === undefined ? [] : await writeViews(options.svg, recorded.recordings, at);
  await out.write(text);
  process.stdout.write(`report: ${out.path} (${(Buffer.byteLength(text) / 1e6).toFixed(2)} MB)\n`);
  for (const remark of remarks) process.stdout.write(`${wrap(`note: ${remark}`)}\n`);
  if (views.length > 0) process.stdout.write(`views: ${views.join(', ')}\n`);
}

/** Bytes that recordings may have beside the page and the tables; base64 makes four of three. */
const roomIn = (page: string) => Math.floor(((MAX_BYTES - Buffer.byteLength(page) - 20_000) * 3) / 4);

function chosen({ experiment }: ResultsFile, asked: string | undefined): string[] {
  const known = experiment.results.map(({ policy }) => policy);
  if (asked === undefined) return known.slice(0, MAX_POLICIES);
  const names = asked.split(',').map(name => name.trim());
  const unknown = names.find(name => !known.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`--policy: expected some of ${known.join(', ')}, found ${quoted(unknown)}`);
  }
  if (new Set(names).size < names.length) throw new UsageError('--policy: a policy is named twice');
  if (names.length <= MAX_POLICIES) return names;
  throw new UsageError(`--policy: a report shows at most ${MAX_POLICIES}; name fewer`);
}

function momentOf({ at, svg }: ReportOptions): number | undefined {
  if (at === undefined) return undefined;
  if (svg === undefined) throw new UsageError('--at is the moment of the SVG; it needs --svg');
  const time = at.trim() === '' ? Number.NaN : Number(at);
  if (Number.isFinite(time) && time >= 0) return time;
  throw new UsageError(`--at: expected seconds, at least 0, found ${quoted(at)}`);
}
