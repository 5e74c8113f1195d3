import { didYouMean } from '../core/did-you-mean.ts';
import { quoted, UsageError } from '../core/errors.ts';
import type { Listener } from '../core/events.ts';
import { admissions } from '../core/policies/admissions.ts';
import { orders } from '../core/policies/orders.ts';
import type { Policy } from '../core/policies/policy.ts';
import { findPolicy, policies } from '../core/policies/registry.ts';
import { victims } from '../core/policies/victims.ts';
import type { Seconds } from '../core/units.ts';
import { buildWorkload, type FullConfig, maxTokensRule } from './build-workload.ts';
import { type Config, configDefaults, type SettingKey } from './config.ts';
import { checkEngine, type OverheadProfile, overheadsOf, profileNotes } from './cost/overhead-profile.ts';
import type { KvPrecision, WeightPrecision } from './cost/precision.ts';
import { tiers } from './cost/terms.ts';
import type { Deployment } from './deployment.ts';
import { type EngineSetup, setUpEngine } from './engine-setup.ts';
import { findGpu, gpus } from './hardware/catalogue.ts';
import type { KernelChoice } from './kernels/open-kernels.ts';
import { Metrics } from './metrics.ts';
import type { Model } from './models/model.ts';
import { checkTogether, isRead } from './relevance.ts';
import { type RunResult, runResult } from './results.ts';
import { settings } from './settings.ts';
import { Simulation, simulate } from './simulation.ts';
import { parseSlo } from './slo.ts';
import { bootstrapRatio, type Interval, meanOf } from './statistics.ts';
import type { Workload } from './workload/workload.ts';

/** What only the caller can open: files. */
export interface ExperimentContext {
  readonly model: Model;
  /** Policies of the caller's own, which a config may name beside the known ones. */
  readonly policies?: readonly Policy[];
  /** The measured kernels that the config names. */
  readonly kernels?: KernelChoice;
  /** The profile that the config names. */
  readonly profile?: OverheadProfile;
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
  readonly replications?: readonly {
    seed: number;
    request_throughput: number;
    output_throughput: number;
    mean_e2el_ms: number;
  }[];
}

/** "A beats B", with its uncertainty: the ratio of a figure of `policy` to the baseline's. */
export interface Comparison {
  readonly policy: string;
  readonly baseline: string;
  readonly request_throughput: Interval;
  readonly output_throughput: Interval;
  readonly mean_e2el_ms: Interval;
  readonly mean_normalized_latency: Interval;
}

export interface ExperimentResult {
  /** The config with every default in place. */
  readonly config: FullConfig;
  readonly results: readonly PolicyResult[];
  readonly comparisons: readonly Comparison[];
  /** What the user should know: a context cut to the memory, requests rejected, and so on. */
  readonly notes: readonly string[];
}

/** A run, and the requests of it. */
export interface Measured {
  readonly result: RunResult;
  readonly metrics: Metrics;
}

interface Run extends Measured {
  readonly notes: readonly string[];
}

const DEFAULT_REPLICATIONS = 5;

/** Fills in the defaults. */
export function completeConfig(config: Config): FullConfig {
  checkTogether(config);
  const replications = config.replications ?? (config.trace ? 1 : DEFAULT_REPLICATIONS);
  return { ...configDefaults, ...config, replications };
}

/** The settings that have an effect: what results and `--print-config` show, and can be run again. */
export function effectiveConfig(config: FullConfig): Config {
  return Object.fromEntries(
    (Object.keys(settings) as SettingKey[])
      .filter(key => config[key] !== undefined && isRead(key, config))
      .map(key => [key, config[key]]),
  ) as Config;
}

/** Looks up all that a config names. @throws UsageError for what does not exist or cannot be. */
export function checkConfig(
  config: FullConfig,
  model: Model,
  given: Pick<ExperimentContext, 'kernels' | 'profile' | 'policies'> = {},
): EngineSetup[] {
  const deployment = deploymentOf(config, model);
  const repeated = config.policy.find((name, i) => config.policy.indexOf(name) !== i);
  if (repeated) throw new UsageError(`policy ${repeated} is named twice`);
  const chosen = config.policy.map(name => composePolicy(name, config, given.policies));
  if (given.profile) checkEngine(given.profile, chosen);
  const { max_model_len: longest } = config;
  if (longest !== undefined && longest > model.maxModelLen) {
    throw new UsageError(
      `--max-model-len ${longest} is more than the context of ${model.name}, ${model.maxModelLen} tokens; lower it`,
    );
  }
  return chosen.map(policy => setUp(policy, config, deployment, given));
}

/** @throws UsageError for a GPU that is not known. */
export function deploymentOf(config: FullConfig, model: Model): Deployment {
  const gpu = findGpu(config.gpu);
  if (!gpu) {
    throw unknownName(
      'GPU',
      config.gpu,
      gpus.map(g => g.name),
    );
  }
  return {
    model,
    gpu,
    tensorParallel: config.tensor_parallel,
    weights: config.weights as WeightPrecision,
    kv: config.kv_cache_dtype as KvPrecision,
  };
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
        await runOnce(
          config,
          config.seed + r,
          policy,
          setups[p]!,
          context,
          slo?.perRequest,
          report,
          listener,
        ),
      );
    }
  }
  const results = chosen.map(
    (policy, p): PolicyResult => ({ policy: policy.name, ...average(runs[p]!, config.seed) }),
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
  policy: Policy,
  setup: EngineSetup,
  context: ExperimentContext,
  slo: Metrics['slo'],
  report: (share: number) => void,
  listener: Listener | undefined,
): Promise<Run> {
  const content = policy.memory.kind === 'paged' && policy.memory.prefixCaching;
  const workload = config.trace
    ? await context.openTrace!({
        timeScale: config.time_scale,
        content,
        ...(config.num_prompts !== undefined && { limit: config.num_prompts }),
      })
    : buildWorkload(config, seed, config.max_model_len ?? context.model.maxModelLen, content);
  const apiPath = setup.cost.options.runtime.apiPerRequest ?? 0;
  const metrics = new Metrics(slo, apiPath);
  const memory = setup.createMemory();
  const simulation = new Simulation({
    policy,
    limits: setup.limits,
    memory,
    cost: setup.cost,
    seed,
    maxTokens: maxTokensRule(config.max_tokens),
    workload: asClientsSee(workload, apiPath),
    listener: listener ? both(metrics, listener) : metrics,
  });
  const expected = workload.count ?? config.num_prompts;
  await simulate(simulation, workload, ended => report(expected ? Math.min(1, ended / expected) : 0));
  return {
    result: runResult(metrics, simulation.executor.total, setup.cost, memory.capacity),
    metrics,
    notes: workload.notes ?? [],
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

function both(metrics: Metrics, other: Listener): Listener {
  return {
    detail: other.detail,
    on(event) {
      metrics.on(event);
      other.on(event);
    },
  };
}

function setUp(
  policy: Policy,
  config: FullConfig,
  deployment: Deployment,
  { kernels, profile }: Pick<ExperimentContext, 'kernels' | 'profile'>,
): EngineSetup {
  const limits = {
    maxModelLen: config.max_model_len,
    maxNumSeqs: config.max_num_seqs,
    maxNumBatchedTokens: config.max_num_batched_tokens,
    longPrefillTokenThreshold: config.long_prefill_token_threshold,
    blockSize: config.block_size,
    watermark: config.watermark,
  };
  const given = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
  return setUpEngine({
    policy,
    ...deployment,
    gpuMemoryUtilization: config.gpu_memory_utilization,
    limits: given,
    ...(config.num_gpu_blocks_override !== undefined && { numGpuBlocks: config.num_gpu_blocks_override }),
    ...(config.kv_slots !== undefined && { kvSlots: config.kv_slots }),
    ...(config.enforce_eager !== undefined && { enforceEager: config.enforce_eager }),
    ...(kernels && { kernels }),
    ...(profile && { overheads: overheadsOf(profile) }),
  });
}

/** The named policy, with the parts that the config replaces. */
export function composePolicy(name: string, config: Config, own: readonly Policy[] = []): Policy {
  const policy = own.find(other => other.name === name) ?? findPolicy(name);
  if (!policy)
    throw unknownName(
      'policy',
      name,
      policies.map(p => p.name),
    );
  const { memory } = policy;
  // vLLM's priority scheduling changes both.
  const victim = config.victim ?? (config.order === 'priority' ? 'lowest-priority' : undefined);
  return {
    ...policy,
    ...(config.order && { order: orders[config.order as keyof typeof orders] }),
    ...(config.admission && { admission: admissions[config.admission as keyof typeof admissions] }),
    ...(victim && { victim: victims[victim as keyof typeof victims] }),
    ...(config.preemption && { preemption: config.preemption as Policy['preemption'] }),
    ...(config.prefix_caching &&
      memory.kind === 'paged' && { memory: { ...memory, prefixCaching: config.prefix_caching === 'on' } }),
  };
}

export function unknownName(what: string, name: string, known: readonly string[]): UsageError {
  const near = didYouMean(name, known);
  return new UsageError(
    `unknown ${what} ${quoted(name)}${near ? `; did you mean ${near}?` : '.'} Known: ${known.join(', ')}`,
  );
}

/** Means over the replications; the time series and the cost are the first one's. */
function average(runs: readonly Run[], seed: number): RunResult & Pick<PolicyResult, 'replications'> {
  const first = runs[0]!.result;
  if (runs.length === 1) return first;
  const mean = averageNumbers(runs.map(run => run.result)) as RunResult;
  return {
    ...mean,
    cost: first.cost,
    series: first.series,
    replications: runs.map(({ result }, i) => ({
      seed: seed + i,
      request_throughput: result.request_throughput,
      output_throughput: result.output_throughput,
      mean_e2el_ms: result.mean_e2el_ms,
    })),
  };
}

function averageNumbers(objects: readonly object[]): object {
  return Object.fromEntries(
    Object.entries(objects[0]!).map(([key, value]) => {
      const all = objects.map(object => (object as Record<string, unknown>)[key]);
      if (typeof value === 'number') return [key, meanOf(all as number[])];
      if (typeof value === 'object' && value !== null && !Array.isArray(value))
        return [key, averageNumbers(all as object[])];
      return [key, value];
    }),
  );
}

/** How the runs of a policy fared against those of another, seed by seed; of one run each, request by request. */
export function compareRuns(
  baseline: string,
  base: readonly Measured[],
  policy: string,
  runs: readonly Measured[],
): Comparison {
  const ratio = (figure: (run: Measured) => number) => bootstrapRatio(runs.map(figure), base.map(figure));
  const [a, b] = [runs[0]!.metrics, base[0]!.metrics];
  // One run each (a trace): resample requests, paired by id, instead of runs.
  const paired = (values: (metrics: Metrics) => ArrayLike<number>): Interval => {
    const others = new Map<number, number>();
    for (const [i, id] of b.ids.values.entries()) others.set(id, values(b)[i]!);
    const pairs: [number, number][] = [];
    for (const [i, id] of a.ids.values.entries()) {
      const other = others.get(id);
      if (other !== undefined) pairs.push([values(a)[i]!, other]);
    }
    return bootstrapRatio(
      pairs.map(pair => pair[0]),
      pairs.map(pair => pair[1]),
      200,
    );
  };
  const single = runs.length === 1;
  return {
    policy,
    baseline,
    request_throughput: ratio(run => run.result.request_throughput),
    output_throughput: ratio(run => run.result.output_throughput),
    mean_e2el_ms: single ? paired(metrics => metrics.e2el.values) : ratio(run => run.result.mean_e2el_ms),
    mean_normalized_latency: single
      ? paired(metrics => metrics.normalizedLatency.values)
      : ratio(run => run.result.mean_normalized_latency),
  };
}

function notesOf(setup: EngineSetup, runs: readonly Run[], model: Model): string[] {
  const notes: string[] = [];
  const { maxModelLen } = setup.limits;
  if (maxModelLen < model.maxModelLen)
    notes.push(`context ${maxModelLen} tokens (the model has ${model.maxModelLen})`);
  const inRuns = runs.length > 1 ? ` in ${runs.length} runs` : '';
  const total = (figure: 'failed' | 'truncated' | 'aborted') =>
    runs.reduce((sum, run) => sum + run.result[figure], 0);
  if (total('failed') > 0) {
    const first = runs.find(run => run.metrics.rejectedFor)!.metrics.rejectedFor;
    notes.push(`${total('failed')} requests rejected (the first: ${first})${inRuns}`);
  }
  if (total('aborted') > 0) notes.push(`${total('aborted')} clients hung up${inRuns}`);
  if (total('truncated') > 0)
    notes.push(`${total('truncated')} answers cut short${inRuns} by max_tokens or the context`);
  const { kernels } = setup.cost.options;
  if (kernels) {
    const { basis } = runs[0]!.result.cost;
    const shares = tiers.map(tier => `${(basis[tier] * 100).toFixed(1)} % ${tier}`);
    notes.push(`of the step time ${shares.join(', ')} (${kernels.source})`);
  }
  return notes;
}

/** What holds for several policies is said once. */
function mergeNotes(notes: readonly (readonly [policy: string, texts: readonly string[]])[]): string[] {
  const byText = new Map<string, string[]>();
  for (const [policy, texts] of notes) {
    for (const text of texts) byText.set(text, [...(byText.get(text) ?? []), policy]);
  }
  return [...byText].map(([text, names]) => `${names.join(', ')}: ${text}`);
}
