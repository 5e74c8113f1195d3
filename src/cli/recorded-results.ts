import { UsageError } from '../core/errors.ts';
import type { FullConfig } from '../sim/build-workload.ts';
import type { Recording } from '../trace/recording.ts';
import type { PageContent } from './page.ts';
import { prepareRun } from './prepared-run.ts';
import { recordRuns } from './recordings.ts';
import { resultsHtml } from './report-html.ts';
import { title } from './report-text.ts';
import type { ResultsFile } from './results-file.ts';

/** The first replication of policies of a results file, run again. */
export interface RecordedResults {
  readonly config: FullConfig;
  readonly recordings: readonly Recording[];
}

/** @throws UsageError when the run cannot be repeated, or comes to something else than it did. */
export async function recordResults(
  file: ResultsFile,
  policies: readonly string[],
  path: string,
): Promise<RecordedResults> {
  try {
    const prepared = await prepareRun(file.config);
    const recordings = await recordRuns(prepared, policies);
    for (const recording of recordings) checkSame(recording, file, path);
    return { config: prepared.config, recordings };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(
      `${error.message} (the run of ${path} is repeated and needs all that it read, by the same names as then)`,
    );
  }
}

/** A run repeats to the last bit; where it does not, the figures above the views would be of something else. */
function checkSame({ policy, requests }: Recording, { experiment }: ResultsFile, path: string): void {
  const { completed, replications } = experiment.results.find(result => result.policy === policy)!;
  // A mean over replications says nothing of the first.
  if (replications) return;
  const finished = requests.filter(({ end }) => end === 'finished').length;
  if (finished === completed) return;
  throw new UsageError(
    `${path}: ${policy} completed ${completed} requests then, and ${finished} now: what it read has changed ` +
      'since, or Quire itself; make the results anew',
  );
}

/** What a page shows of recorded results, in `limit` bytes; and what it leaves out for that. */
export async function contentOf(
  { experiment }: ResultsFile,
  { config, recordings }: RecordedResults,
  limit: number,
): Promise<{ readonly content: PageContent; readonly remarks: readonly string[] }> {
  const { embedded } = await import('./embedded.ts');
  const { bytes, remarks } = await embedded(recordings, limit);
  const whole = { config, ...experiment };
  const shown = recordings.map(({ policy }) => policy);
  const others = experiment.results.map(({ policy }) => policy).filter(policy => !shown.includes(policy));
  const all = [
    ...(others.length > 0 ? [`Without views, for others were chosen: ${others.join(', ')}.`] : []),
    ...(experiment.results.some(({ replications }) => replications)
      ? ['The views show the first replication of each policy.']
      : []),
    ...remarks,
  ];
  const name = `Quire: ${shown.join(', ')} · ${title(whole)}`;
  return { content: { title: name, recordings: bytes, text: resultsHtml(whole, all) }, remarks: all };
}
