import type { Seconds, Tokens } from '../../core/units.ts';
import { quantile } from '../../sim/statistics.ts';

/** A request as its client saw it. */
export interface Served {
  /** When the client sent it. */
  readonly arrival: Seconds;
  readonly firstToken: Seconds;
  readonly finished: Seconds;
  readonly outputTokens: Tokens;
}

/** Figures of one run, in the names of `vllm bench serve`; seconds, and per second. */
export const figureNames = [
  'request_throughput',
  'output_throughput',
  'mean_ttft',
  'median_ttft',
  'p99_ttft',
  'mean_tpot',
  'median_tpot',
  'p99_tpot',
  'mean_e2el',
  'median_e2el',
  'p99_e2el',
] as const;

export type FigureName = (typeof figureNames)[number];

/** Those that a bound is asked of: throughput and means. The others hang on single requests. */
export const boundFigures: readonly FigureName[] = [
  'request_throughput',
  'output_throughput',
  'mean_ttft',
  'mean_tpot',
  'mean_e2el',
];

export type Figures = Readonly<Record<FigureName, number>>;

/** @param served all that finished, at least one. */
export function figuresOf(served: readonly Served[]): Figures {
  const first = Math.min(...served.map(({ arrival }) => arrival));
  const last = Math.max(...served.map(({ finished }) => finished));
  const tokens = served.reduce((sum, { outputTokens }) => sum + outputTokens, 0);
  const seconds = last - first;
  const ttft = served.map(({ firstToken, arrival }) => firstToken - arrival);
  const tpot = served
    .filter(({ outputTokens }) => outputTokens > 1)
    .map(({ finished, firstToken, outputTokens }) => (finished - firstToken) / (outputTokens - 1));
  const e2el = served.map(({ finished, arrival }) => finished - arrival);
  return {
    request_throughput: served.length / seconds,
    output_throughput: tokens / seconds,
    ...latencies('ttft', ttft),
    ...latencies('tpot', tpot),
    ...latencies('e2el', e2el),
  } as Figures;
}

function latencies(name: string, values: readonly number[]): Record<string, number> {
  const sorted = Float64Array.from(values).sort();
  return {
    [`mean_${name}`]: sorted.reduce((sum, value) => sum + value, 0) / sorted.length,
    [`median_${name}`]: quantile(sorted, 0.5),
    [`p99_${name}`]: quantile(sorted, 0.99),
  };
}

/** How far a prediction is from what was measured, as a share of that; above 0: too high. */
export function errorOf(predicted: number, measured: number): number {
  return predicted / measured - 1;
}
