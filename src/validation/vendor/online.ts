import { vllmBenchArrivals } from '../../sim/workload/arrivals.ts';
import { fixedLengths, type LengthModel, lognormalLengths } from '../../sim/workload/lengths.ts';
import { syntheticWorkload } from '../../sim/workload/synthetic.ts';
import type { Case } from '../case.ts';
import type { Chart, ChartSeries, Study } from '../study.ts';
import { type GroundTruth, groundTruth } from './ground-truth.ts';
import { MeasuredRuns } from './measured.ts';
import { type Point, type Sweep, sweepsOf } from './sweeps.ts';

/** A server is past its knee when tokens take twice as long as when it is idle. */
const KNEE = 2;

/** Of a rate or a saturation. */
const BOUND = 0.1;

/** TensorRT-LLM's published sweep of the request rate through saturation. */
export const onlineServing: Study = {
  name: 'online-serving',
  suite: 'vendor',
  title: 'TensorRT-LLM under a rising request rate',
  needsData: true,
  async run({ data, progress }) {
    const { rows, leftOut } = await groundTruth(data!, ({ source }) => source.includes('online serving'));
    const runs = new MeasuredRuns(data!);
    const cases: Case[] = [];
    const charts: Chart[] = [];
    const notes = [
      'Only the means of the lengths were published. 467/256 and 467/16 run with exactly these (Sonnet); 202/214 with log-normal ones (ShareGPT).',
    ];
    const sweeps = sweepsOf(rows, leftOut);
    for (const [i, sweep] of sweeps.entries()) {
      progress?.(i / sweeps.length, 'TensorRT-LLM online');
      const predicted = await leftOut.attempt(sweep.rows, () => simulate(runs, sweep));
      if (!predicted) continue;
      if (!saturated(sweep.points)) notes.push(`${sweep.name}: never offered all at once, so no saturation`);
      cases.push(...casesOf(sweep, predicted));
      charts.push(chartOf(sweep, predicted));
    }
    leftOut.checkAnyLeft(cases.length, 'online serving');
    return { cases, charts, notes: [...notes, ...leftOut.notes] };
  },
};

async function simulate(runs: MeasuredRuns, { row, points }: Sweep): Promise<Point[]> {
  const predicted: Point[] = [];
  for (const { rate, requests } of points) {
    const result = await runs.run({
      config: { ...row.config, max_tokens: 'exact' },
      model: row.model,
      policy: row.policy,
      workload: syntheticWorkload({
        name: 'open loop',
        count: requests,
        seed: 0,
        arrivals: vllmBenchArrivals(rate),
        lengths: lengthsOf(row),
        content: false,
      }),
    });
    const { request_throughput: served, mean_ttft_ms: ttft, mean_itl_ms: itl } = result;
    predicted.push({ rate, served, ttft, itl });
  }
  return predicted;
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

function casesOf({ row, name, points }: Sweep, predicted: readonly Point[]): Case[] {
  const source = `${row.source} ${row.version}`.trim();
  const common = { source, bound: BOUND, unit: 'req/s' };
  const cases: Case[] = [];
  const [measured, ours] = [saturated(points), saturated(predicted)];
  if (measured && ours) {
    const what = `${name}: saturation, all requests at once`;
    cases.push({ ...common, what, measured: measured.served, predicted: ours.served });
  }
  const knee = kneeOf(points);
  if (knee !== undefined) {
    const own = kneeOf(predicted);
    cases.push({
      ...common,
      what: `${name}: knee, where tokens take twice as long as at the lowest rate`,
      measured: knee,
      predicted: own ?? Math.max(...finite(predicted).map(({ rate }) => rate)),
      ...(own === undefined && {
        note: 'ours lies above the highest rate of the sweep, which stands for it',
      }),
    });
  }
  for (const [i, point] of points.entries()) {
    const at = Number.isFinite(point.rate) ? `${point.rate} req/s` : 'all at once';
    for (const metric of ['ttft', 'itl'] as const) {
      const what = `${name}, ${at}: ${metric.toUpperCase()} mean`;
      cases.push({ what, source, unit: 'ms', measured: point[metric], predicted: predicted[i]![metric] });
    }
  }
  return cases.filter(({ measured: figure }) => !Number.isNaN(figure));
}

/** The point at which all requests were offered at once. */
const saturated = (points: readonly Point[]): Point | undefined =>
  points.find(({ rate }) => rate === Number.POSITIVE_INFINITY);

const finite = (points: readonly Point[]): Point[] => points.filter(({ rate }) => Number.isFinite(rate));

/** Between the two rates of the sweep around it, linear; undefined when no finite rate reaches it. */
function kneeOf(points: readonly Point[]): number | undefined {
  const offered = finite(points).filter(({ itl }) => itl > 0);
  const limit = KNEE * (offered[0]?.itl ?? Number.NaN);
  const above = offered.findIndex(({ itl }) => itl >= limit);
  if (above <= 0) return undefined;
  const [a, b] = [offered[above - 1]!, offered[above]!];
  return a.rate + ((b.rate - a.rate) * (limit - a.itl)) / (b.itl - a.itl);
}

function chartOf({ row, name, points }: Sweep, predicted: readonly Point[]): Chart {
  const line = (list: readonly Point[]): ChartSeries['points'] =>
    finite(list)
      .filter(({ itl }) => itl > 0)
      .map(({ rate, itl }) => [rate, itl]);
  return {
    title: name,
    kind: 'lines',
    x: { label: 'request rate (1/s)', log: true },
    y: { label: 'mean inter-token latency (ms)' },
    series: [{ name: row.policy.name, points: line(predicted), published: line(points) }],
  };
}
