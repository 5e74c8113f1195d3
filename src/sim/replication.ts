import type { Listener } from '../core/events.ts';
import type { KvMemory } from '../core/kv-memory.ts';
import type { Seconds } from '../core/units.ts';
import { buildWorkload, type FullConfig, maxTokensRule } from './build-workload.ts';
import type { EngineSetup } from './engine-setup.ts';
import type { ExperimentContext } from './experiment.ts';
import { Simulation, simulate } from './simulation.ts';
import type { Workload } from './workload/workload.ts';

/** One policy on the workload of one seed, ready to run. */
export interface Replication {
  readonly simulation: Simulation;
  readonly memory: KvMemory;
  /** Of the workload. */
  readonly notes: readonly string[];
  /** To the end. */
  run(): Promise<void>;
}

/** What a server's front end adds to the time of each request, under the cost model of a setup. */
export function apiPathOf(setup: EngineSetup): Seconds {
  return setup.cost.options.runtime.apiPerRequest ?? 0;
}

/** @param report is told the share that is done, 0 to 1. */
export async function replicate(
  config: FullConfig,
  seed: number,
  setup: EngineSetup,
  { model, openTrace }: Pick<ExperimentContext, 'model' | 'openTrace'>,
  listener: Listener,
  report: (share: number) => void,
): Promise<Replication> {
  const { policy, limits, cost } = setup;
  const content = policy.memory.kind === 'paged' && policy.memory.prefixCaching;
  const workload = config.trace
    ? await openTrace!({
        timeScale: config.time_scale,
        content,
        ...(config.num_prompts !== undefined && { limit: config.num_prompts }),
      })
    : buildWorkload(config, seed, config.max_model_len ?? model.maxModelLen, content);
  const memory = setup.createMemory();
  const simulation = new Simulation({
    policy,
    limits,
    memory,
    cost,
    seed,
    maxTokens: maxTokensRule(config.max_tokens),
    workload: asClientsSee(workload, apiPathOf(setup)),
    listener,
  });
  const expected = workload.count ?? config.num_prompts;
  return {
    simulation,
    memory,
    notes: workload.notes ?? [],
    async run() {
      await simulate(simulation, workload, ended => report(expected ? Math.min(1, ended / expected) : 0));
    },
  };
}

/** A closed loop goes on when its client has the answer. */
function asClientsSee(workload: Workload, apiPath: Seconds): Pick<Workload, 'onFinished'> {
  if (!workload.onFinished || apiPath === 0) return workload;
  return {
    onFinished: completed =>
      workload.onFinished!({ ...completed, finishedAt: completed.finishedAt + apiPath }),
  };
}
