import { readdir } from 'node:fs/promises';
import { readConfig } from '../backends/model/load.ts';
import type { Policy } from '../core/policies/policy.ts';
import type { FullConfig } from '../sim/build-workload.ts';
import { composePolicy } from '../sim/check-config.ts';
import { compareRuns, type Measured } from '../sim/compare-runs.ts';
import type { Config } from '../sim/config.ts';
import { emptyCost } from '../sim/cost/terms.ts';
import type { ExperimentResult } from '../sim/experiment.ts';
import { Metrics, type Slo } from '../sim/metrics.ts';
import { runResult } from '../sim/results.ts';
import type { Recording } from '../trace/recording.ts';
import type { BackendFlags, HubFlags } from './backend-flags.ts';
import { announceBackend, type ChosenBackend } from './chosen-backend.ts';
import { commandLine } from './command-line.ts';
import { EventsOutput } from './events-output.ts';
import { crossedThresholds, defaultOut, deliver, type OutputOptions, sloOf } from './execute.ts';
import { whole } from './format.ts';
import { liveConfig, liveSettings } from './live-config.ts';
import { LiveEvents } from './live-events.ts';
import { LivePrompts } from './live-prompts.ts';
import { liveText } from './live-text.ts';
import { workloadOf } from './live-workload.ts';
import { loadEngine } from './load-engine.ts';
import { findModelFolder, type ModelSource } from './model-source.ts';
import { OutputFile } from './output-file.ts';
import { Progress } from './progress.ts';
import { serveWorkload } from './serve-workload.ts';
import { version } from './version.ts';
import { warmUp } from './warm-up.ts';

type LiveFlags = OutputOptions & BackendFlags & HubFlags;

/** What all policies of a comparison have in common. */
interface LiveRun {
  readonly source: ModelSource;
  readonly chosen: ChosenBackend;
  readonly flags: LiveFlags;
  readonly config: FullConfig;
  readonly slo: Slo | undefined;
  readonly events: EventsOutput;
}

interface LiveResult extends Measured {
  readonly policy: string;
  readonly notes: readonly string[];
  readonly recordings: readonly Recording[];
}

/** `quire compare --backend`: the same workload, the same policies and the same figures, on a real device. */
export async function liveCompare(asked: Config, flags: LiveFlags): Promise<void> {
  const chosen = await announceBackend(flags);
  const source = await findModelFolder(asked.model, flags);
  const { maxModelLen } = await readConfig(source.folder, await readdir(source.folder));
  const config = { ...liveConfig(asked, maxModelLen), model: source.name, gpu: chosen.backend };
  const policies = config.policy.map(name => composePolicy(name, config));
  const slo = sloOf(config);
  if (flags.printConfig) {
    process.stdout.write(`${JSON.stringify(liveSettings(config), null, 2)}\n`);
    return;
  }
  const inputs = [config.trace, flags.configFile];
  const out = new OutputFile(
    '--out',
    flags.out ?? defaultOut({ ...asked, ...hubless(flags) }, config),
    inputs,
  );
  const events = new EventsOutput(flags.events ?? [], inputs, out);
  const runs: LiveResult[] = [];
  events.start();
  try {
    for (const policy of policies) {
      runs.push(await measure(policy, { source, chosen, flags, config, slo: slo?.perRequest, events }));
    }
    await events.finish(runs.flatMap(({ recordings }) => recordings));
  } finally {
    events.discard();
  }
  const experiment = experimentOf(config, runs);
  const { results, comparisons, notes } = experiment;
  const { backend, device, dtype } = chosen;
  const made = { version, command: commandLine(), backend, device, dtype };
  await deliver({
    document: {
      quire: { ...made, config: liveSettings(config), seed: config.seed },
      results,
      comparisons,
      notes,
    },
    text: liveText(experiment, chosen),
    crossed: crossedThresholds(experiment, slo),
    json: flags.json ?? false,
    out,
    events,
  });
}

function experimentOf(config: FullConfig, runs: readonly LiveResult[]): ExperimentResult {
  const [first, ...others] = runs;
  return {
    config,
    results: runs.map(({ policy, result }) => ({ policy, ...result })),
    comparisons: others.map(run => compareRuns(first!.policy, [first!], run.policy, [run])),
    notes: runs.flatMap(({ policy, notes }) => notes.map(note => `${policy}: ${note}`)),
  };
}

async function measure(policy: Policy, run: LiveRun): Promise<LiveResult> {
  const { config, slo, events, source } = run;
  const live = new LiveEvents(events, policy.name);
  const { llm } = await loadEngine({ ...run, policy, listener: live.listener });
  const progress = new Progress();
  try {
    const { engine, limits } = llm;
    live.attach(engine);
    const { vocab, maxModelLen } = llm.config;
    progress.update(0, `${policy.name} · warming up`);
    await warmUp(engine.runner, Math.min(8, limits.maxNumSeqs), Math.min(64, limits.maxModelLen - 1));
    const workload = await workloadOf(
      config,
      Math.min(config.max_model_len ?? maxModelLen, limits.maxModelLen),
    );
    const metrics = new Metrics(slo);
    engine.listeners.add(metrics);
    const prompts = new LivePrompts(vocab, config.seed, workload.name === 'chat');
    const total = workload.count ?? config.num_prompts;
    const { truncated } = await serveWorkload(engine, workload, prompts, ended =>
      progress.update(total ? Math.min(1, ended / total) : 0, `${policy.name} · ${whole(ended)} requests`),
    );
    const { capacity } = engine.scheduler.memory;
    return {
      policy: policy.name,
      metrics,
      result: {
        ...runResult(metrics, measuredTime(metrics), { peakFlops: 1, bandwidth: 1 }, capacity),
        truncated,
      },
      notes: [
        ...(workload.notes ?? []),
        ...(limits.maxModelLen < maxModelLen
          ? [`context ${limits.maxModelLen} tokens (the model has ${maxModelLen})`]
          : []),
        ...(metrics.rejected > 0
          ? [`${whole(metrics.rejected)} requests rejected (the first: ${metrics.rejectedFor})`]
          : []),
        ...(truncated > 0 ? [`${whole(truncated)} answers cut short by the context`] : []),
      ],
      recordings: live.recordings({ ...liveSettings(config), policy: [policy.name], model: source.name }),
    };
  } finally {
    progress.end();
    llm.dispose();
  }
}

/** All of it measured; what bound it, and which operations it went to, was not. */
function measuredTime({ busy }: Metrics) {
  const cost = emptyCost();
  cost.seconds = busy;
  cost.tabled[0] = busy;
  return cost;
}

/** What makes a run another one, for the name of its results. */
function hubless({ adapter, dtype, gpuMemory, unsafeFast, revision }: LiveFlags): object {
  const named = { adapter, dtype, gpuMemory, unsafeFast, revision };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
}
