import type { Seconds, Tokens } from '../core/units.ts';
import { quantile, summarise } from '../sim/statistics.ts';
import { type Goodput, goodRequests } from './goodput.ts';
import { peaksOf } from './peaks.ts';
import { type RequestRecord, tpotOf } from './request-record.ts';

/** In the order they are printed, with the heads of `vllm bench serve`. */
export const latencyMetrics = {
  ttft: { name: 'TTFT', head: 'Time to First Token' },
  tpot: { name: 'TPOT', head: 'Time per Output Token (excl. 1st token)' },
  itl: { name: 'ITL', head: 'Inter-token Latency' },
  e2el: { name: 'E2EL', head: 'End-to-end Latency' },
  client_queue_time: { name: 'Client Queue Time', head: 'Client-side Queueing' },
  e2el_including_client_queue: {
    name: 'E2EL incl. Client Queue',
    head: 'Queue-inclusive End-to-end Latency',
  },
} as const;

export type LatencyMetric = keyof typeof latencyMetrics;

/** Milliseconds. */
export interface LatencySummary {
  readonly metric: LatencyMetric;
  readonly mean: number;
  readonly median: number;
  readonly std: number;
  /** Of each percentile asked for, in that order. */
  readonly percentiles: readonly (readonly [percentile: number, value: number])[];
}

export interface BenchMetrics {
  readonly completed: number;
  readonly failed: number;
  readonly totalInput: Tokens;
  readonly totalOutput: Tokens;
  /** Per second, all of them. */
  readonly requestThroughput: number;
  /** Undefined when no limit was asked for. */
  readonly requestGoodput: number | undefined;
  readonly outputThroughput: number;
  readonly totalTokenThroughput: number;
  /** Chunks in the fullest second. */
  readonly maxOutputTokensPerS: number;
  readonly maxConcurrentRequests: number;
  readonly latencies: readonly LatencySummary[];
}

export interface MetricsOptions {
  readonly metrics: readonly LatencyMetric[];
  /** From 0 to 100. */
  readonly percentiles: readonly number[];
  readonly goodput?: Goodput | undefined;
}

/** The figures of `vllm bench serve`, by its definitions. */
export function benchMetrics(
  records: readonly RequestRecord[],
  duration: Seconds,
  { metrics, percentiles, goodput }: MetricsOptions,
): BenchMetrics {
  const done = records.filter(record => record.success);
  const totalInput = sum(done, ({ promptTokens }) => promptTokens);
  const totalOutput = sum(done, ({ outputTokens }) => outputTokens);
  const perSecond = (count: number) => (duration > 0 ? count / duration : 0);
  return {
    completed: done.length,
    failed: records.length - done.length,
    totalInput,
    totalOutput,
    requestThroughput: perSecond(done.length),
    requestGoodput: goodput && perSecond(goodRequests(done, goodput)),
    outputThroughput: perSecond(totalOutput),
    totalTokenThroughput: perSecond(totalInput + totalOutput),
    ...peaksOf(done),
    latencies: metrics.map(metric => latencySummary(metric, valuesOf[metric](done), percentiles)),
  };
}

type ValuesOf = (done: readonly RequestRecord[]) => Float64Array;

/** Seconds. */
const valuesOf: Readonly<Record<LatencyMetric, ValuesOf>> = {
  ttft: done => Float64Array.from(done, ({ ttft }) => ttft),
  tpot: done => Float64Array.from(done.map(tpotOf).filter(tpot => tpot !== undefined)),
  // Pooled: a request of many tokens counts as often.
  itl: done => {
    const all = new Float64Array(sum(done, ({ itl }) => itl.length));
    let at = 0;
    for (const { itl } of done) {
      all.set(itl, at);
      at += itl.length;
    }
    return all;
  },
  e2el: done => Float64Array.from(done, ({ latency }) => latency),
  client_queue_time: done => Float64Array.from(done, ({ queueTime }) => queueTime),
  e2el_including_client_queue: done =>
    Float64Array.from(done, ({ latency, queueTime }) => latency + queueTime),
};

function latencySummary(
  metric: LatencyMetric,
  seconds: Float64Array,
  percentiles: readonly number[],
): LatencySummary {
  const milliseconds = seconds.map(value => value * 1000);
  const { mean, median, std } = summarise(milliseconds);
  const sorted = milliseconds.sort();
  return { metric, mean, median, std, percentiles: percentiles.map(p => [p, quantile(sorted, p / 100)]) };
}

function sum(records: readonly RequestRecord[], of: (record: RequestRecord) => number): number {
  return records.reduce((total, record) => total + of(record), 0);
}
