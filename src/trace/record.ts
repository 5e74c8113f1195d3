import { checkConfig, completeConfig, effectiveConfig } from '../sim/check-config.ts';
import type { Config } from '../sim/config.ts';
import type { ExperimentContext } from '../sim/experiment.ts';
import { replicate } from '../sim/replication.ts';
import { Recorder } from './recorder.ts';
import type { Recording } from './recording.ts';

/** What a recording needs opened. */
export type RecordContext = Omit<ExperimentContext, 'listener'>;

/**
 * Runs one policy of a config once, with the config's seed, and records it: the first replication of
 * `runExperiment`, event for event. @throws UsageError for what the config names and does not exist.
 */
export async function record(config: Config, policy: string, context: RecordContext): Promise<Recording> {
  const full = completeConfig({ ...config, policy: [policy], replications: 1 });
  const setup = checkConfig(full, context.model, context)[0]!;
  const recorder = new Recorder();
  const report = (share: number) => context.progress?.(share, policy);
  const { simulation, memory, run } = await replicate(full, full.seed, setup, context, recorder, report);
  recorder.attach({ memory, scheduler: simulation.scheduler, cost: simulation.executor.total });
  await run();
  return recorder.finish(policy, effectiveConfig(full));
}
