import type { Seconds } from '../core/units.ts';
import type { BenchMetrics } from './bench-metrics.ts';
import type { RequestRecord } from './request-record.ts';

/** What was run: the head of the result. */
export interface BenchSetup {
  /** Local time, `YYYYmmdd-HHMMSS`. */
  readonly date: string;
  readonly backend: string;
  readonly label: string | undefined;
  readonly model: string;
  readonly numPrompts: number;
  readonly interrupted?: boolean;
  readonly metadata: Readonly<Record<string, string>>;
  /** `Infinity`: all at once. */
  readonly requestRate: number;
  readonly burstiness: number;
  readonly maxConcurrency: number | undefined;
}

/** The JSON of `vllm bench serve --save-result --save-detailed`, key for key. */
export function benchResult(
  setup: BenchSetup,
  metrics: BenchMetrics,
  records: readonly RequestRecord[],
  duration: Seconds,
): Record<string, unknown> {
  return {
    date: setup.date,
    endpoint_type: setup.backend,
    backend: setup.backend,
    label: setup.label ?? null,
    model_id: setup.model,
    // The server's own: the client has none.
    tokenizer_id: null,
    num_prompts: setup.numPrompts,
    ...setup.metadata,
    request_rate: orInf(setup.requestRate),
    burstiness: orInf(setup.burstiness),
    max_concurrency: setup.maxConcurrency ?? null,
    duration,
    completed: metrics.completed,
    // Of ours: cut short, by Ctrl-C.
    ...(setup.interrupted && { interrupted: true }),
    failed: metrics.failed,
    total_input_tokens: metrics.totalInput,
    total_output_tokens: metrics.totalOutput,
    request_throughput: metrics.requestThroughput,
    request_goodput: metrics.requestGoodput ?? null,
    output_throughput: metrics.outputThroughput,
    total_token_throughput: metrics.totalTokenThroughput,
    input_lens: records.map(({ promptTokens }) => promptTokens),
    output_lens: records.map(({ outputTokens }) => outputTokens),
    ttfts: records.map(({ ttft }) => ttft),
    itls: records.map(({ itl }) => itl),
    latencies: records.map(({ latency }) => latency),
    start_times: records.map(({ startTime }) => startTime),
    queue_times: records.map(({ queueTime }) => queueTime),
    generated_texts: records.map(({ text }) => text),
    errors: records.map(({ error }) => error),
    max_output_tokens_per_s: metrics.maxOutputTokensPerS,
    max_concurrent_requests: metrics.maxConcurrentRequests,
    // Of speech alone.
    rtfx: 0,
    ...Object.fromEntries(
      metrics.latencies.flatMap(({ metric, mean, median, std, percentiles }) => [
        [`mean_${metric}_ms`, mean],
        [`median_${metric}_ms`, median],
        [`std_${metric}_ms`, std],
        ...percentiles.map(([p, value]) => [`p${percentileName(p)}_${metric}_ms`, value]),
      ]),
    ),
  };
}

/** Without what has an entry a request: as it is saved without `--save-detailed`. */
export function withoutDetails(result: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(result).filter(([name]) => !details.has(name)));
}

const details = new Set([
  'input_lens',
  'output_lens',
  'ttfts',
  'itls',
  'latencies',
  'start_times',
  'queue_times',
  'generated_texts',
  'errors',
]);

/** 99, 99.9. */
export function percentileName(percentile: number): string {
  return String(percentile);
}

/** JSON has no infinity. */
function orInf(value: number): number | 'inf' {
  return value === Number.POSITIVE_INFINITY ? 'inf' : value;
}
