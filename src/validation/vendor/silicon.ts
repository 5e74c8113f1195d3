import { quoted, UsageError } from '../../core/errors.ts';
import { closedLoopWorkload } from '../../sim/workload/closed-loop.ts';
import { uniformLengths } from '../../sim/workload/lengths.ts';
import type { Case } from '../case.ts';
import type { Chart, DataFolder, Study, StudyContext } from '../study.ts';
import { type GroundTruth, groundTruth } from './ground-truth.ts';
import type { LeftOut } from './left-out.ts';
import { meanErrors, scatter, worstOf } from './mean-errors.ts';
import { MeasuredRuns } from './measured.ts';
import { API_PATH, recipeOf } from './recipes.ts';

type Metric = 'TTFT' | 'TPOT';

/** One measured deployment under one load: a case, and what it is counted with. */
export interface SiliconPoint {
  readonly row: GroundTruth;
  readonly metric: Metric;
  readonly point: Case;
  /** Tokens/s to all clients, as predicted: what is measured may not choose what it is compared with. */
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
      const { policy, model, gpu } = row;
      const names = [`${metric}, all`, `${metric}: ${policy.name}, ${model.name} on ${gpu.name}`];
      if (metric === 'TTFT' && streamed < FRONT_END) {
        names.push(`${metric}, below ${FRONT_END} streamed tokens/s, as predicted`);
      }
      for (const name of names) groups.set(name, [...(groups.get(name) ?? []), point]);
    }
    const notes = [...conditions, ...worstOf(points.map(({ point }) => point)), ...skipped];
    return { cases: meanErrors(groups, bounds), charts: chartsOf(points), notes };
  },
};

/** What of the model was read off these rows themselves. */
const conditions = [
  'not all of it is prediction: the CPU time of TensorRT-LLM’s steps, and that its rows have one slot fewer than ' +
    'clients, were read off these rows',
  'from how many tokens/s on a front end falls behind was chosen with these rows in view; which rows stay below is ' +
    'the simulation’s word',
];

/** Every row that has a known recipe, simulated with the kernels measured on its GPU. */
export async function siliconPoints(
  data: DataFolder,
  progress?: StudyContext['progress'],
): Promise<{ readonly points: readonly SiliconPoint[]; readonly skipped: readonly string[] }> {
  const { rows, leftOut } = await groundTruth(data, ({ source }) => source.includes('silicon'));
  const runs = new MeasuredRuns(data);
  const points: SiliconPoint[] = [];
  const loads = byLoad(rows);
  for (const [i, own] of loads.entries()) {
    progress?.(i / loads.length, 'measured deployments');
    points.push(...((await leftOut.attempt(own.length, () => simulate(runs, own, leftOut))) ?? []));
  }
  leftOut.checkAnyLeft(points.length, 'the silicon sample');
  return { points, skipped: leftOut.notes };
}

/** The rows of one deployment under one load: its TTFT and its TPOT. */
function byLoad(rows: readonly GroundTruth[]): GroundTruth[][] {
  const loads = new Map<string, GroundTruth[]>();
  for (const row of rows) {
    const { policy, version, config, inputTokens, outputTokens, load } = row;
    const key = JSON.stringify([policy.name, version, config, inputTokens, outputTokens, load]);
    loads.set(key, [...(loads.get(key) ?? []), row]);
  }
  return [...loads.values()];
}

async function simulate(
  runs: MeasuredRuns,
  rows: readonly GroundTruth[],
  leftOut: LeftOut,
): Promise<SiliconPoint[]> {
  const row = rows[0]!;
  const recipe = recipeOf(row);
  if (!recipe) throw new UsageError(`load ${quoted(row.load)} is no closed loop (concurrency=8)`);
  const { concurrency, rounds, ratio, server } = recipe;
  const { policy, model, config, gpu, inputTokens, outputTokens } = row;
  const from = (length: number): [number, number] => [Math.max(1, Math.floor(length * ratio)), length];
  const result = await runs.run({
    config: { ...config, ...server, max_tokens: 'exact' },
    model,
    policy,
    workload: closedLoopWorkload({
      name: 'closed loop',
      users: concurrency,
      thinkTime: API_PATH,
      requests: { perUser: rounds },
      lengths: uniformLengths(from(inputTokens), from(outputTokens)),
      seed: 0,
      content: false,
    }),
  });
  const predictions: Record<string, readonly [Metric, number]> = {
    mean_ttft: ['TTFT', result.mean_ttft_ms + API_PATH * 1000],
    mean_tpot: ['TPOT', result.mean_tpot_ms],
  };
  const load = `${inputTokens}/${outputTokens}, ${concurrency} clients`;
  const name = `${policy.name} ${model.name} on ${config.tensor_parallel} × ${gpu.name}, ${load}`;
  const streamed = (concurrency * 1000) / result.mean_tpot_ms;
  const points: SiliconPoint[] = [];
  for (const one of rows) {
    const { source, value: measured } = one;
    const [metric, predicted = Number.NaN] = predictions[one.metric] ?? [];
    if (!metric) leftOut.add(`${one.metric} is not compared`);
    // Answers of one token have no time between tokens.
    else if (!(predicted > 0)) leftOut.add(`no ${metric} comes of ${inputTokens}/${outputTokens} tokens`);
    else {
      const point = { what: `${name}: ${metric}`, source, unit: 'ms', measured, predicted };
      points.push({ row: one, metric, point, streamed });
    }
  }
  return points;
}

/** What is held of the mean absolute errors, in percent. */
const bounds: Readonly<Record<string, number>> = { 'TPOT, all': 9, 'TTFT, all': 18 };

/** Streamed tokens/s from which TensorRT-LLM's front end of these rows falls behind. */
const FRONT_END = 8000;

function chartsOf(points: readonly SiliconPoint[]): Chart[] {
  return (['TTFT', 'TPOT'] as const).map(name => {
    const engines = new Map<string, Case[]>();
    for (const { row, metric, point } of points) {
      if (metric !== name) continue;
      engines.set(row.policy.name, [...(engines.get(row.policy.name) ?? []), point]);
    }
    return scatter(name, 'ms', engines);
  });
}
