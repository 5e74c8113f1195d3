import { buildWorkload, maxTokensRule } from '../sim/build-workload.ts';
import type { Config } from '../sim/config.ts';
import { checkConfig, completeConfig, type ExperimentContext, effectiveConfig } from '../sim/experiment.ts';
import { Simulation, simulate } from '../sim/simulation.ts';
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
  const { memory: choice } = setup.policy;
  const content = choice.kind === 'paged' && choice.prefixCaching;
  const workload = full.trace
    ? await context.openTrace!({
        timeScale: full.time_scale,
        content,
        ...(full.num_prompts !== undefined && { limit: full.num_prompts }),
      })
    : buildWorkload(full, full.seed, full.max_model_len ?? context.model.maxModelLen, content);
  const apiPath = setup.cost.options.runtime.apiPerRequest ?? 0;
  const { onFinished } = workload;
  const recorder = new Recorder();
  const memory = setup.createMemory();
  const simulation = new Simulation({
    policy: setup.policy,
    limits: setup.limits,
    memory,
    cost: setup.cost,
    seed: full.seed,
    maxTokens: maxTokensRule(full.max_tokens),
    // A closed loop goes on when its client has the answer.
    workload: onFinished
      ? { onFinished: done => onFinished({ ...done, finishedAt: done.finishedAt + apiPath }) }
      : {},
    listener: recorder,
  });
  recorder.attach({ memory, scheduler: simulation.scheduler, cost: simulation.executor.total });
  const expected = workload.count ?? full.num_prompts;
  await simulate(simulation, workload, ended =>
    context.progress?.(expected ? Math.min(1, ended / expected) : 0, policy),
  );
  return recorder.finish(policy, effectiveConfig(full));
}
