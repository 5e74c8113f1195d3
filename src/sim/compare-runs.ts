import type { Metrics } from './metrics.ts';
import type { RunResult } from './results.ts';
import { bootstrapRatio, type Interval, meanOf } from './statistics.ts';

/** A run, and the requests of it. */
export interface Measured {
  readonly result: RunResult;
  readonly metrics: Metrics;
}

/** One of the runs that a mean was taken of. */
export interface SeedResult {
  readonly seed: number;
  readonly request_throughput: number;
  readonly output_throughput: number;
  readonly mean_e2el_ms: number;
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

/** Means over the replications; the time series and the cost are the first one's. */
export function averageOf(
  runs: readonly Measured[],
  seed: number,
): RunResult & { readonly replications?: readonly SeedResult[] } {
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
