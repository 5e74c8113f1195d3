import type { GroundTruth } from './ground-truth.ts';
import type { LeftOut } from './left-out.ts';

/** One rate of a sweep; infinite where everything is offered at once. */
export interface Point {
  readonly rate: number;
  /** Requests/s; NaN where a figure was not published, as below. */
  readonly served: number;
  /** Means, ms. */
  readonly ttft: number;
  readonly itl: number;
}

/** One engine with one deployment and pair of lengths, by rising rate. */
export interface Sweep {
  /** Its circumstances; the first of its rows. */
  readonly row: GroundTruth;
  /** How many rows of the table it is made of. */
  readonly rows: number;
  /** The engine and version are named only where they tell sweeps apart. */
  readonly name: string;
  readonly points: readonly (Point & { readonly requests: number })[];
}

/** The sweeps of rows; those whose load is no rate for so many requests are left out. */
export function sweepsOf(rows: readonly GroundTruth[], leftOut: LeftOut): Sweep[] {
  const groups = new Map<string, GroundTruth[]>();
  for (const row of rows) {
    if (!loadOf(row)) {
      leftOut.add(`load ${row.load || '(empty)'} is no rate of so many requests (qps=2;500 reqs)`);
      continue;
    }
    const key = `${nameOf(row)}\n${row.config.weights}\n${engineName(row)}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const sweeps = [...groups.values()];
  const count = (name: string) => sweeps.filter(([row]) => nameOf(row!) === name).length;
  return sweeps.map((own): Sweep => {
    const row = own[0]!;
    const name = nameOf(row);
    const told = count(name) > 1 ? `${name}, ${engineName(row)}, ${row.config.weights}` : name;
    return { row, rows: own.length, name: told, points: pointsOf(own) };
  });
}

function pointsOf(rows: readonly GroundTruth[]): Sweep['points'] {
  const byLoad = new Map<string, Map<string, number>>();
  for (const { load, metric, value } of rows) {
    if (!byLoad.has(load)) byLoad.set(load, new Map());
    byLoad.get(load)!.set(metric, value);
  }
  return [...byLoad]
    .map(([load, figures]) => ({
      ...loadOf({ load })!,
      served: figures.get('req_throughput') ?? Number.NaN,
      ttft: figures.get('mean_ttft') ?? Number.NaN,
      itl: figures.get('mean_itl') ?? Number.NaN,
    }))
    .sort((a, b) => a.rate - b.rate);
}

/** `qps=2;500 reqs`, `qps=INF;500 reqs` */
function loadOf({ load }: Pick<GroundTruth, 'load'>): { rate: number; requests: number } | undefined {
  const [, offered, count] = /^qps=(\d+(?:\.\d+)?|INF);(\d+) reqs$/.exec(load) ?? [];
  const [rate, requests] = [offered === 'INF' ? Number.POSITIVE_INFINITY : Number(offered), Number(count)];
  return rate > 0 && requests > 0 ? { rate, requests } : undefined;
}

const engineName = ({ policy, version }: GroundTruth): string => `${policy.name} ${version}`.trim();

function nameOf({ model, gpu, config, inputTokens, outputTokens }: GroundTruth): string {
  const tp = config.tensor_parallel! > 1 ? `${config.tensor_parallel} × ` : '';
  return `${model.name} on ${tp}${gpu.name}, ${inputTokens}/${outputTokens}`;
}
