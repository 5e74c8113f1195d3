import { effectiveConfig } from '../sim/check-config.ts';
import type { Recording } from '../trace/recording.ts';
import type { PreparedRun } from './prepared-run.ts';
import { Progress } from './progress.ts';

/** Runs the first replication of each policy and keeps all that happens. */
export async function recordRuns(
  { config, context }: PreparedRun,
  policies: readonly string[] = config.policy,
): Promise<Recording[]> {
  const { record } = await import('../trace/record.ts');
  const settings = effectiveConfig(config);
  const progress = new Progress();
  const recordings: Recording[] = [];
  try {
    for (const [i, policy] of policies.entries()) {
      const report = (done: number) => progress.update((i + done) / policies.length, `recording ${policy}`);
      recordings.push(await record(settings, policy, { ...context, progress: report }));
    }
  } finally {
    progress.end();
  }
  return recordings;
}
