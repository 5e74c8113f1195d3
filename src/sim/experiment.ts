import { UsageError } from '../core/errors.ts';
import type { Listener } from '../core/events.ts';
import type { FullConfig } from './build-workload.ts';
import { checkConfig, deploymentOf, type Given } from './check-config.ts';
import { averageOf, type Comparison, compareRuns, type Measured, type SeedResult } from './compare-runs.ts';
import { profileNotes } from './cost/overhead-profile.ts';
import type { EngineSetup } from './engine-setup.ts';
import { Metrics } from './metrics.ts';
import type { Model } from './models/model.ts';
import { apiPathOf, replicate } from './replication.ts';
import { type RunResult, runResult } from './results.ts';
import { mergeNotes, notesOf } from './run-notes.ts';
import { parseSlo } from './slo.ts';
import type { Workload } from './workload/workload.ts';

/** What only the caller can open: files. */
export interface ExperimentContext extends Given {
  readonly model: Model;
  /** The trace that the config names. */
  openTrace?(options: { limit?: number; timeScale: number; content: boolean }): Promise<Workload>;
  /** Share done, 0 to 1. */
  progress?(done: number, label: string): void;
  /** Hears the first replication of each policy. */
  listener?(policy: string): Listener | undefined;
}

export interface PolicyResult extends RunResult {
  readonly policy: string;
  /** One entry a seed; the figures above are their means. Absent when there is one. */
  readonly replications?: readonly SeedResult[];
}

export interface ExperimentResult {
  /** The config with every default in place. */
  readonly config: FullConfig;
  readonly results: readonly PolicyResult[];
  readonly comparisons: readonly Comparison[];
  /** What the user should know: a context cut to the memory, requests rejected, and so on. */
  readonly notes: readonly string[];
}

interface Run extends Measured {
  readonly notes: readonly string[];
}

/** Runs every policy of the config on the same workload, with the same random numbers. */
export async function runExperiment(
  config: FullConfig,
  context: ExperimentContext,
): Promise<ExperimentResult> {
  if (config.profile !== undefined && !context.profile) {
    throw new UsageError(
      'profile: only the command line opens files; pass the parsed profile in the context',
    );
  }
  const setups = checkConfig(config, context.model, context);
  const chosen = setups.map(setup => setup.policy);
  const slo = config.slo === undefined ? undefined : parseSlo(config.slo);
  const replications = config.replications!;
  const runs: Run[][] = [];
  for (const [p, policy] of chosen.entries()) {
    runs[p] = [];
    for (let r = 0; r < replications; r++) {
      const done = (p * replications + r) / (chosen.length * replications);
      const report = (share: number) =>
        context.progress?.(done + share / (chosen.length * replications), policy.name);
      const listener = r === 0 ? context.listener?.(policy.name) : undefined;
      runs[p].push(
        await runOnce(config, config.seed + r, setups[p]!, context, slo?.perRequest, report, listener),
      );
    }
  }
  const results = chosen.map(
    (policy, p): PolicyResult => ({ policy: policy.name, ...averageOf(runs[p]!, config.seed) }),
  );
  return {
    config,
    results,
    comparisons: results
      .slice(1)
      .map((result, i) => compareRuns(results[0]!.policy, runs[0]!, result.policy, runs[i + 1]!)),
    notes: [
      ...runs.flat().at(-1)!.notes,
      ...(context.profile
        ? profileNotes(
            context.profile,
            deploymentOf(config, context.model),
            context.kernels ? 'measured' : 'rooflines',
          )
        : []),
      ...mergeNotes(chosen.map((policy, p) => [policy.name, notesOf(setups[p]!, runs[p]!, context.model)])),
    ],
  };
}

async function runOnce(
  config: FullConfig,
  seed: number,
  setup: EngineSetup,
  context: ExperimentContext,
  slo: Metrics['slo'],
  report: (share: number) => void,
  listener: Listener | undefined,
): Promise<Run> {
  const metrics = new Metrics(slo, apiPathOf(setup));
  const heard = listener ? both(metrics, listener) : metrics;
  const { simulation, memory, notes, run } = await replicate(config, seed, setup, context, heard, report);
  await run();
  const result = runResult(metrics, simulation.executor.total, setup.cost, memory.capacity);
  return { result, metrics, notes };
}

function both(metrics: Metrics, other: Listener): Listener {
  return {
    detail: other.detail,
    on(event) {
      metrics.on(event);
      other.on(event);
    },
  };
}
