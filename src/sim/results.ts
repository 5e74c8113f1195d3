import { slotKinds } from '../core/kv-memory.ts';
import type { Seconds } from '../core/units.ts';
import { type CostTerm, costTerms, emptyCost, type StepCost, type tiers } from './cost/terms.ts';
import { Metrics, type Slo } from './metrics.ts';
import { type Summary, summarise } from './statistics.ts';

type Latency = 'ttft' | 'tpot' | 'itl' | 'e2el';
type LatencyFields = { [K in `${keyof Summary}_${Latency}_ms`]: number };

/** What came of one simulation, in the words and units of `vllm bench serve` where it has them. */
export interface RunResult extends LatencyFields {
  /** First arrival to last completion, seconds. */
  duration: Seconds;
  completed: number;
  /** Rejected at arrival: they could never run. */
  failed: number;
  aborted: number;
  /** Ended by `max_tokens` or the context before the model would have. */
  truncated: number;
  total_input_tokens: number;
  total_output_tokens: number;
  request_throughput: number;
  output_throughput: number;
  total_token_throughput: number;
  max_output_tokens_per_s: number;
  max_concurrent_requests: number;
  /** Completed within the SLO, per second; with `--slo` only. */
  request_goodput?: number;
  /** Mean over requests of end-to-end latency ÷ output length, seconds a token (vLLM paper §6.1). */
  mean_normalized_latency: number;
  steps: number;
  mean_batch_size: number;
  max_batch_size: number;
  preemptions: number;
  swaps: number;
  recomputed_tokens: number;
  prefix_cache_queries: number;
  prefix_cache_hits: number;
  copied_blocks: number;
  /** Share of the time in which something ran. */
  busy: number;
  /** Slots of KV memory. */
  kv_capacity_tokens: number;
  /** Time-averaged fractions of the KV capacity; they sum to 1. */
  memory: Record<(typeof slotKinds)[number], number>;
  /** Share of the claimed memory that holds no token. */
  waste: number;
  cost: CostResult;
  series: SeriesResult;
}

/** Where the time of the steps went. */
export interface CostResult {
  seconds: number;
  /** Shares of that time in which arithmetic, memory bandwidth, or neither was the limit. */
  compute_bound: number;
  bandwidth_bound: number;
  overhead: number;
  /** Arithmetic done ÷ what the GPU could have done in that time (model FLOPs utilisation); the same for bytes. */
  mfu: number;
  mbu: number;
  /** Seconds by operation. */
  terms: Record<CostTerm, number>;
  /** Shares of that time that came from measured kernels, between or beyond them, or from a formula. */
  basis: Record<(typeof tiers)[number], number>;
}

/** Means over equal intervals, from the first arrival on. */
export interface SeriesResult {
  interval_s: number;
  batch_size: number[];
  waiting: number[];
  /** Fractions of the KV capacity. */
  memory: Record<(typeof slotKinds)[number], number[]>;
}

/** What one GPU could do: FLOP/s and bytes/s. */
export interface Peak {
  readonly peakFlops: number;
  readonly bandwidth: number;
}

export function runResult(metrics: Metrics, total: StepCost, peak: Peak, capacity: number): RunResult {
  const duration = Math.max(metrics.lastEnd - metrics.firstArrival, 0) || 0;
  const per = (count: number) => (duration > 0 ? count / duration : 0);
  const claimed =
    metrics.memory.token + metrics.memory.reserved + metrics.memory.internal + metrics.memory.external;
  const memory = Object.fromEntries(
    slotKinds.map(kind => [
      kind,
      metrics.observed > 0 ? metrics.memory[kind] / (capacity * metrics.observed) : 0,
    ]),
  ) as RunResult['memory'];
  return {
    duration,
    completed: metrics.completed,
    failed: metrics.rejected,
    aborted: metrics.aborted,
    truncated: metrics.truncated,
    total_input_tokens: metrics.inputTokens,
    total_output_tokens: metrics.outputTokens,
    request_throughput: per(metrics.completed),
    ...(metrics.slo && { request_goodput: per(metrics.good) }),
    output_throughput: per(metrics.outputTokens),
    total_token_throughput: per(metrics.inputTokens + metrics.outputTokens),
    max_output_tokens_per_s: metrics.maxOutputTokensPerSecond,
    max_concurrent_requests: metrics.maxConcurrent,
    ...latency('ttft', summarise(metrics.ttft.values)),
    ...latency('tpot', summarise(metrics.tpot.values)),
    ...latency('itl', {
      mean: metrics.itl.mean,
      median: metrics.itl.quantile(0.5),
      std: metrics.itl.std,
      p90: metrics.itl.quantile(0.9),
      p95: metrics.itl.quantile(0.95),
      p99: metrics.itl.quantile(0.99),
    }),
    ...latency('e2el', summarise(metrics.e2el.values)),
    mean_normalized_latency: summarise(metrics.normalizedLatency.values).mean,
    steps: metrics.steps,
    mean_batch_size: metrics.steps > 0 ? metrics.batchSum / metrics.steps : 0,
    max_batch_size: metrics.maxBatch,
    preemptions: metrics.preemptions,
    swaps: metrics.swaps,
    recomputed_tokens: metrics.recomputedTokens,
    prefix_cache_queries: metrics.prefixQueries,
    prefix_cache_hits: metrics.cachedTokens,
    copied_blocks: metrics.copiedBlocks,
    busy: metrics.observed > 0 ? metrics.busy / metrics.observed : 0,
    kv_capacity_tokens: capacity,
    memory,
    waste: claimed > 0 ? 1 - metrics.memory.token / claimed : 0,
    cost: costResult(total, peak),
    series: seriesResult(metrics, capacity),
  };
}

/** The result of no run: which figures there are. */
export function emptyResult(slo: Slo | undefined): RunResult {
  return runResult(new Metrics(slo), emptyCost(), { peakFlops: 1, bandwidth: 1 }, 1);
}

function latency<L extends Latency>(
  name: L,
  summary: Summary,
): { [K in `${keyof Summary}_${L}_ms`]: number } {
  return Object.fromEntries(
    Object.entries(summary).map(([key, seconds]) => [`${key}_${name}_ms`, seconds * 1000]),
  ) as { [K in `${keyof Summary}_${L}_ms`]: number };
}

function costResult(total: StepCost, peak: Peak): CostResult {
  const share = (seconds: number) => (total.seconds > 0 ? seconds / total.seconds : 0);
  return {
    seconds: total.seconds,
    compute_bound: share(total.compute),
    bandwidth_bound: share(total.bandwidth),
    overhead: share(total.overhead),
    mfu: share(total.flops / peak.peakFlops),
    mbu: share(total.bytes / peak.bandwidth),
    terms: Object.fromEntries(costTerms.map((name, i) => [name, total.terms[i]!])) as CostResult['terms'],
    basis: basisOf(total),
  };
}

function basisOf({ tabled, seconds }: StepCost): CostResult['basis'] {
  const [measured = 0, interpolated = 0, extrapolated = 0] = tabled;
  if (seconds === 0) return { measured: 0, interpolated: 0, extrapolated: 0, analytic: 0 };
  const analytic = Math.max(0, seconds - measured - interpolated - extrapolated);
  return {
    measured: measured / seconds,
    interpolated: interpolated / seconds,
    extrapolated: extrapolated / seconds,
    analytic: analytic / seconds,
  };
}

function seriesResult(metrics: Metrics, capacity: number): SeriesResult {
  const { interval, values } = metrics.series.result();
  const round = (list: number[], digits: number) => list.map(value => Number(value.toFixed(digits)));
  const fractions = (i: number) =>
    round(
      values[i + 2]!.map(slots => slots / capacity),
      4,
    );
  return {
    interval_s: interval,
    batch_size: round(values[0]!, 2),
    waiting: round(values[1]!, 2),
    memory: Object.fromEntries(slotKinds.map((kind, i) => [kind, fractions(i)])) as SeriesResult['memory'],
  };
}
