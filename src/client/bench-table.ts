import { type BenchMetrics, latencyMetrics } from './bench-metrics.ts';
import { percentileName } from './bench-result.ts';

export interface TableOptions {
  readonly maxConcurrency?: number | undefined;
  /** `Infinity` is not shown. */
  readonly requestRate: number;
  /** Seconds. */
  readonly duration: number;
}

/** The table that `vllm bench serve` prints, blank for blank. */
export function benchTable(metrics: BenchMetrics, options: TableOptions): string {
  const { maxConcurrency, requestRate, duration } = options;
  const { requestGoodput } = metrics;
  const served = (value: number) => (metrics.completed > 0 ? value : Number.NaN);
  const lines = [
    centred(' Serving Benchmark Result ', '='),
    count('Successful requests:', metrics.completed),
    count('Failed requests:', metrics.failed),
    ...(maxConcurrency === undefined ? [] : [count('Maximum request concurrency:', maxConcurrency)]),
    ...(Number.isFinite(requestRate) ? [figure('Request rate configured (RPS):', requestRate)] : []),
    figure('Benchmark duration (s):', duration),
    count('Total input tokens:', metrics.totalInput),
    count('Total generated tokens:', metrics.totalOutput),
    figure('Request throughput (req/s):', metrics.requestThroughput),
    ...(requestGoodput === undefined ? [] : [figure('Request goodput (req/s):', requestGoodput)]),
    figure('Output token throughput (tok/s):', metrics.outputThroughput),
    figure('Peak output token throughput (tok/s):', metrics.maxOutputTokensPerS),
    figure('Peak concurrent requests:', metrics.maxConcurrentRequests),
    figure('Total token throughput (tok/s):', metrics.totalTokenThroughput),
    ...metrics.latencies.flatMap(({ metric, mean, median, percentiles }) => {
      const { name, head } = latencyMetrics[metric];
      return [
        centred(head, '-'),
        figure(`Mean ${name} (ms):`, served(mean)),
        figure(`Median ${name} (ms):`, served(median)),
        ...percentiles.map(([p, value]) => figure(`P${percentileName(p)} ${name} (ms):`, served(value))),
      ];
    }),
    '='.repeat(WIDTH),
  ];
  return lines.join('\n');
}

const WIDTH = 50;

function count(label: string, value: number): string {
  return `${label.padEnd(40)} ${String(value).padEnd(10)}`;
}

function figure(label: string, value: number): string {
  return `${label.padEnd(40)} ${(Number.isNaN(value) ? '-' : value.toFixed(2)).padEnd(10)}`;
}

function centred(text: string, fill: string): string {
  const left = Math.floor((WIDTH - text.length) / 2);
  return (fill.repeat(Math.max(0, left)) + text).padEnd(WIDTH, fill);
}
