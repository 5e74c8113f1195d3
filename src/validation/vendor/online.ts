import type { Policy } from '../../core/policies/policy.ts';
import { trtllm } from '../../core/policies/trtllm.ts';
import { vllmBenchArrivals } from '../../sim/workload/arrivals.ts';
import { fixedLengths, type LengthModel, lognormalLengths } from '../../sim/workload/lengths.ts';
import { syntheticWorkload } from '../../sim/workload/synthetic.ts';
import type { Case } from '../case.ts';
import type { Chart, ChartSeries, Study } from '../study.ts';
import { type GroundTruth, groundTruth } from './ground-truth.ts';
import { MeasuredRuns } from './measured.ts';

/** One rate of a sweep; the last one offers everything at once. */
interface Point {
  readonly rate: number;
  readonly served: number;
  readonly ttft: number;
  readonly itl: number;
}

interface Sweep {
  readonly row: GroundTruth;
  readonly requests: number;
  readonly points: readonly Point[];
}

/**
 * TensorRT-LLM 0.14, before the PyTorch backend: a C++ runtime, of FasterTransformer's line, with pages of 64
 * tokens. Its own CPU times were never published.
 */
const engine: Policy = {
  ...trtllm,
  name: 'trtllm-0.14',
  limits: machine => ({ ...trtllm.limits(machine), blockSize: 64 }),
  runtime: 'faster-transformer',
};

/** A server is past its knee when tokens take twice as long as when it is idle. */
const KNEE = 2;

/** TensorRT-LLM's published sweep of the request rate through saturation. */
export const onlineServing: Study = {
  name: 'online-serving',
  suite: 'vendor',
  title: 'TensorRT-LLM under a rising request rate',
  needsData: true,
  async run({ data, progress }) {
    const { rows, skipped } = await groundTruth(data!, ({ source }) => source.includes('online serving'));
    const runs = new MeasuredRuns(data!);
    const cases: Case[] = [];
    const charts: Chart[] = [];
    const sweeps = sweepsOf(rows);
    for (const [i, sweep] of sweeps.entries()) {
      progress?.(i / sweeps.length, 'TensorRT-LLM online');
      const predicted: Point[] = [];
      for (const { rate } of sweep.points) predicted.push(await simulate(runs, sweep, rate));
      cases.push(...casesOf(sweep, predicted));
      charts.push(chartOf(sweep, predicted));
    }
    const notes = [
      'Only the means of the lengths were published. 467/256 and 467/16 run with exactly these (Sonnet); 202/214 with log-normal ones (ShareGPT).',
      ...skipped,
    ];
    return { cases, charts, notes };
  },
};

async function simulate(runs: MeasuredRuns, { row, requests }: Sweep, rate: number): Promise<Point> {
  const workload = syntheticWorkload({
    name: 'open loop',
    count: requests,
    seed: 0,
    arrivals: vllmBenchArrivals(rate),
    lengths: lengthsOf(row),
    content: false,
  });
  const result = await runs.run({ ...row.config, max_tokens: 'exact' }, row.model, {
    workload,
    policy: engine,
  });
  return {
    rate,
    served: result.request_throughput,
    ttft: result.mean_ttft_ms,
    itl: result.mean_itl_ms,
  };
}

/**
 * 202 and 214 are the means of ShareGPT, in Llama 3's tokens, whose lengths vary (σ as our ShareGPT's); 467 to
 * 256 or 16 are vLLM's Sonnet benchmarks, whose requests are alike.
 */
function lengthsOf({ inputTokens, outputTokens }: GroundTruth): LengthModel {
  if (inputTokens !== 202 || outputTokens !== 214) return fixedLengths(inputTokens, outputTokens);
  return lognormalLengths(
    { mean: inputTokens, sigma: 1.4, min: 4, max: 1024 },
    { mean: outputTokens, sigma: 0.8, min: 4, max: 1024 },
  );
}

const missed = {
  aim: 0.1,
  note: 'kernels measured with 1.3, a run of 0.14: its prefills reached 35 k tokens/s, where these reach 43 k',
} as const;

function casesOf({ row, points }: Sweep, predicted: readonly Point[]): Case[] {
  const name = nameOf(row);
  const source = `${row.source} ${row.version}`;
  const last = points.length - 1;
  const cases: Case[] = [
    {
      what: `${name}: saturation, all requests at once`,
      source,
      unit: 'req/s',
      measured: points[last]!.served,
      predicted: predicted[last]!.served,
      ...missed,
    },
  ];
  const knee = kneeOf(points);
  if (knee !== undefined) {
    cases.push({
      what: `${name}: knee, where tokens take twice as long as at the lowest rate`,
      source,
      unit: 'req/s',
      measured: knee,
      predicted: kneeOf(predicted) ?? predicted[last - 1]!.rate,
      ...missed,
    });
  }
  for (const [i, point] of points.entries()) {
    const at = Number.isFinite(point.rate) ? `${point.rate} req/s` : 'all at once';
    cases.push(
      {
        what: `${name}, ${at}: TTFT mean`,
        source,
        unit: 'ms',
        measured: point.ttft,
        predicted: predicted[i]!.ttft,
      },
      {
        what: `${name}, ${at}: ITL mean`,
        source,
        unit: 'ms',
        measured: point.itl,
        predicted: predicted[i]!.itl,
      },
    );
  }
  return cases;
}

/** Between the two rates of the sweep around it, linear; undefined when no finite rate reaches it. */
function kneeOf(points: readonly Point[]): number | undefined {
  const limit = KNEE * points[0]!.itl;
  const above = points.findIndex(({ itl, rate }) => itl >= limit && Number.isFinite(rate));
  if (above <= 0) return undefined;
  const [a, b] = [points[above - 1]!, points[above]!];
  return a.rate + ((b.rate - a.rate) * (limit - a.itl)) / (b.itl - a.itl);
}

/** The rows of one deployment and pair of lengths, by rising rate. */
function sweepsOf(rows: readonly GroundTruth[]): Sweep[] {
  const byLengths = new Map<string, GroundTruth[]>();
  for (const row of rows) {
    const key = [
      row.gpu.name,
      row.model.name,
      row.config.tensor_parallel,
      row.config.weights,
      row.inputTokens,
      row.outputTokens,
    ].join();
    byLengths.set(key, [...(byLengths.get(key) ?? []), row]);
  }
  return [...byLengths.values()].map(own => {
    const byLoad = new Map<string, Map<string, number>>();
    for (const { load, metric, value } of own) {
      if (!byLoad.has(load)) byLoad.set(load, new Map());
      byLoad.get(load)!.set(metric, value);
    }
    const points = [...byLoad].map(
      ([load, figures]): Point => ({
        rate: rateOf(load),
        served: figures.get('req_throughput') ?? Number.NaN,
        ttft: figures.get('mean_ttft') ?? Number.NaN,
        itl: figures.get('mean_itl') ?? Number.NaN,
      }),
    );
    const requests = Number(/(\d+) reqs/.exec(own[0]!.load)?.[1] ?? 500);
    return { row: own[0]!, requests, points: points.sort((a, b) => a.rate - b.rate) };
  });
}

function rateOf(load: string): number {
  const rate = /^qps=([\d.]+|INF)/.exec(load)?.[1];
  return rate === 'INF' ? Number.POSITIVE_INFINITY : Number(rate);
}

function nameOf({ model, gpu, config, inputTokens, outputTokens }: GroundTruth): string {
  const tp = config.tensor_parallel! > 1 ? `${config.tensor_parallel} × ` : '';
  return `${model.name} on ${tp}${gpu.name}, ${inputTokens}/${outputTokens}`;
}

function chartOf({ row, points }: Sweep, predicted: readonly Point[]): Chart {
  const line = (list: readonly Point[]): ChartSeries['points'] =>
    list.filter(({ rate }) => Number.isFinite(rate)).map(({ rate, itl }) => [rate, itl]);
  return {
    title: nameOf(row),
    kind: 'lines',
    x: { label: 'request rate (1/s)', log: true },
    y: { label: 'mean inter-token latency (ms)' },
    series: [{ name: 'trtllm', points: line(predicted), published: line(points) }],
  };
}
