import { closedLoopWorkload } from '../../sim/workload/closed-loop.ts';
import { uniformLengths } from '../../sim/workload/lengths.ts';
import { type Case, errorOf } from '../case.ts';
import type { Chart, DataFolder, Study, StudyContext } from '../study.ts';
import { type GroundTruth, groundTruth } from './ground-truth.ts';
import { MeasuredRuns } from './measured.ts';
import { API_PATH, recipeOf } from './recipes.ts';

type Metric = 'TTFT' | 'TPOT';

/** One measured deployment under one load: a case, and what it is counted with. */
export interface SiliconPoint {
  readonly row: GroundTruth;
  readonly metric: Metric;
  readonly point: Case;
  /** Tokens/s to all clients, as measured. */
  readonly streamed: number;
}

/** Means of the absolute errors over many measured deployments, by engine and model. */
export const silicon: Study = {
  name: 'silicon',
  suite: 'vendor',
  title: 'Measured deployments in a closed loop (AIConfigurator’s silicon sample)',
  needsData: true,
  async run({ data, progress }) {
    const { points, skipped } = await siliconPoints(data!, progress);
    const groups = new Map<string, Case[]>();
    for (const { row, metric, point, streamed } of points) {
      const { engine, model, gpu } = row;
      const names = [`${metric}, all`, `${metric}: ${engine}, ${model.name} on ${gpu.name}`];
      if (metric === 'TTFT' && streamed < FRONT_END) {
        names.push(`${metric}, below ${FRONT_END} streamed tokens/s`);
      }
      for (const name of names) groups.set(name, [...(groups.get(name) ?? []), point]);
    }
    const cases = [...groups]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([group, own]) => meanCase(group, own));
    return { cases, charts: chartsOf(points), notes: [...worst(points), ...skipped] };
  },
};

/** Every row that has a known recipe, simulated with the kernels measured on its GPU. */
export async function siliconPoints(
  data: DataFolder,
  progress?: StudyContext['progress'],
): Promise<{ readonly points: readonly SiliconPoint[]; readonly skipped: readonly string[] }> {
  const { rows, skipped } = await groundTruth(data, ({ source }) => source.includes('silicon'));
  const runs = new MeasuredRuns(data);
  const points: SiliconPoint[] = [];
  const loads = byLoad(rows);
  for (const [i, own] of loads.entries()) {
    progress?.(i / loads.length, 'measured deployments');
    points.push(...(await simulate(runs, own)));
  }
  return { points, skipped };
}

/** The rows of one deployment under one load: its TTFT and its TPOT. */
function byLoad(rows: readonly GroundTruth[]): GroundTruth[][] {
  const loads = new Map<string, GroundTruth[]>();
  for (const row of rows) {
    const { engine, version, config, inputTokens, outputTokens, load } = row;
    const key = JSON.stringify([engine, version, config, inputTokens, outputTokens, load]);
    loads.set(key, [...(loads.get(key) ?? []), row]);
  }
  return [...loads.values()];
}

async function simulate(runs: MeasuredRuns, rows: readonly GroundTruth[]): Promise<SiliconPoint[]> {
  const row = rows[0]!;
  const recipe = recipeOf(row);
  if (!recipe) return [];
  const { concurrency, rounds, ratio, server } = recipe;
  const from = (length: number): [number, number] => [Math.max(1, Math.floor(length * ratio)), length];
  const result = await runs.run({ ...row.config, ...server, max_tokens: 'exact' }, row.model, {
    workload: closedLoopWorkload({
      name: 'closed loop',
      users: concurrency,
      thinkTime: API_PATH,
      requests: { perUser: rounds },
      lengths: uniformLengths(from(row.inputTokens), from(row.outputTokens)),
      seed: 0,
      content: false,
    }),
  });
  const predicted: Record<string, readonly [Metric, number]> = {
    mean_ttft: ['TTFT', result.mean_ttft_ms + API_PATH * 1000],
    mean_tpot: ['TPOT', result.mean_tpot_ms],
  };
  const { engine, model, config, gpu, inputTokens, outputTokens } = row;
  const load = `${inputTokens}/${outputTokens}, ${concurrency} clients`;
  const name = `${engine} ${model.name} on ${config.tensor_parallel} × ${gpu.name}, ${load}`;
  const tpot = rows.find(({ metric }) => metric === 'mean_tpot')?.value ?? Number.NaN;
  return rows
    .filter(({ metric }) => predicted[metric])
    .map(one => {
      const [metric, figure] = predicted[one.metric]!;
      const { source, value: measured } = one;
      const point = { what: `${name}: ${metric}`, source, unit: 'ms', measured, predicted: figure };
      return { row: one, metric, point, streamed: (concurrency * 1000) / tpot };
    });
}

/** What is held, and aimed at, of the mean absolute errors in percent. */
const limits: Record<string, Pick<Case, 'bound' | 'aim' | 'note'>> = {
  'TPOT, all': { bound: 9 },
  'TTFT, all': {
    aim: 18,
    note:
      'TensorRT-LLM rows of 64 and 128 clients on 2 to 8 GPUs wait 0.4 to 2 s whatever their prompt: a Python front ' +
      'end that streams 5,000 to 13,000 tokens/s, which is not simulated',
  },
};

/** Streamed tokens/s from which TensorRT-LLM's front end of these rows falls behind. */
const FRONT_END = 8000;

function meanCase(group: string, own: readonly Case[]): Case {
  const mean = own.reduce((sum, point) => sum + Math.abs(errorOf(point)), 0) / own.length;
  return {
    what: `mean absolute error of ${group} (${own.length} rows)`,
    source: own[0]!.source,
    unit: '%',
    measured: 0,
    predicted: mean * 100,
    points: true,
    ...limits[group],
  };
}

function worst(points: readonly SiliconPoint[]): string[] {
  const sorted = points.map(({ point }) => point).sort((a, b) => Math.abs(errorOf(b)) - Math.abs(errorOf(a)));
  return sorted.slice(0, 5).map(point => {
    const [predicted, measured] = [point.predicted, point.measured as number].map(ms => ms.toFixed(0));
    return `among the worst: ${point.what} ${predicted} ms, measured ${measured} ms`;
  });
}

function chartsOf(points: readonly SiliconPoint[]): Chart[] {
  return (['TTFT', 'TPOT'] as const).map(name => {
    const engines = new Map<string, [number, number][]>();
    for (const { row, metric, point } of points) {
      if (metric !== name) continue;
      engines.set(row.engine, [
        ...(engines.get(row.engine) ?? []),
        [point.measured as number, point.predicted],
      ]);
    }
    return {
      title: `${name}: predicted against measured`,
      kind: 'lines',
      x: { label: `measured ${name} (ms)`, log: true },
      y: { label: `predicted ${name} (ms)`, log: true },
      series: [
        ...[...engines].map(([engine, own]) => ({ name: engine, points: [], published: own })),
        { name: 'predicted = measured', points: diagonal([...engines.values()].flat()) },
      ],
    };
  });
}

/** From the smallest to the largest measured figure. */
function diagonal(points: readonly (readonly [number, number])[]): [number, number][] {
  const measured = points.map(([figure]) => figure);
  return [Math.min(...measured), Math.max(...measured)].map(figure => [figure, figure]);
}
