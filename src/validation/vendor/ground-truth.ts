import { csvParse } from 'd3-dsv';
import { UsageError } from '../../core/errors.ts';
import type { Policy } from '../../core/policies/policy.ts';
import type { Config } from '../../sim/config.ts';
import { gpus } from '../../sim/hardware/catalogue.ts';
import type { Gpu } from '../../sim/hardware/gpu.ts';
import { meansGpu, sameModel } from '../../sim/kernels/names.ts';
import { models } from '../../sim/models/catalogue.ts';
import type { Model } from '../../sim/models/model.ts';
import { AbsentData } from '../run-studies.ts';
import type { DataFolder } from '../study.ts';
import { engineOf } from './engines.ts';
import { LeftOut } from './left-out.ts';
import { precisionLabel, weightsOf } from './precisions.ts';

/** One published figure of one deployment under one load. */
export interface GroundTruth {
  readonly source: string;
  /** The engine, as Quire has it. */
  readonly policy: Policy;
  readonly version: string;
  readonly gpu: Gpu;
  readonly model: Model;
  /** GPUs, weights and KV as settings. */
  readonly config: Config;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** `concurrency=8`, `qps=2;500 reqs`, `max-load(INF rate)`, `batch=64`. */
  readonly load: string;
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
}

const file = 'ground_truth.csv';
const columns = [
  'source',
  'engine',
  'version',
  'gpu',
  'num_gpus',
  'model',
  'precision',
  'isl',
  'osl',
  'concurrency_or_batch',
  'metric',
  'value',
  'unit',
] as const;

type Row = Readonly<Record<(typeof columns)[number], string>>;

/**
 * The rows of `ground_truth.csv` that `wanted` takes, of engines, GPUs, models, weights and lengths that Quire knows.
 *
 * @throws AbsentData when there is no such file, UsageError when it has other columns.
 */
export async function groundTruth(
  data: DataFolder,
  wanted: (row: { source: string; metric: string }) => boolean,
): Promise<{ readonly rows: readonly GroundTruth[]; readonly leftOut: LeftOut }> {
  if (!(await data.list()).includes(file)) {
    throw new AbsentData(
      `${data.name}: no ${file}; expected a table of published benchmarks (${columns.join(',')})`,
    );
  }
  const table = csvParse((await data.text(file)).replace(/^\uFEFF/, ''));
  const missing = columns.filter(name => !table.columns.includes(name));
  if (missing.length > 0) throw new UsageError(`${file}: no column ${missing.join(', ')}`);
  const rows: GroundTruth[] = [];
  const leftOut = new LeftOut();
  for (const row of table as unknown as readonly Row[]) {
    if (!wanted(row)) continue;
    const known = knownRow(row);
    if (typeof known === 'string') leftOut.add(known);
    else rows.push(known);
  }
  return { rows, leftOut };
}

/** @returns why it cannot be simulated, if it cannot. */
function knownRow(row: Row): GroundTruth | string {
  const policy = engineOf(row.engine, row.version);
  if (!policy) return `engine ${`${row.engine} ${row.version}`.trim()} is not known`;
  const gpu = gpus.find(one => meansGpu(row.gpu, one));
  if (!gpu) return `GPU ${row.gpu} is not known`;
  // Before the model: a name that Quire does not know may be that of a precision it does not know either.
  const precision = precisionLabel(row.precision, row.model);
  const weights = weightsOf(precision);
  if (!weights) return `weights in ${precision} are not modelled`;
  const model = models.find(({ title }) => sameModel(title, row.model));
  if (!model) return `model ${row.model} is not known`;
  const [gpuCount, inputTokens, outputTokens] = [row.num_gpus, row.isl, row.osl].map(Number);
  if (!isCount(gpuCount!)) return `${row.num_gpus || 'no'} GPUs is no number of GPUs`;
  if (!isCount(inputTokens!) || !isCount(outputTokens!))
    return `lengths ${row.isl}/${row.osl} are no numbers`;
  // An empty cell is 0 to JavaScript; against 0 every error is without end.
  const value = Number(row.value);
  if (!(value > 0) || !Number.isFinite(value)) return `value ${row.value || '(empty)'} is no figure above 0`;
  return {
    source: row.source,
    policy,
    version: row.version,
    gpu,
    model,
    config: { model: model.name, gpu: gpu.name, tensor_parallel: gpuCount!, weights },
    inputTokens: inputTokens!,
    outputTokens: outputTokens!,
    load: row.concurrency_or_batch,
    metric: row.metric,
    value,
    unit: row.unit,
  };
}

const isCount = (value: number): boolean => Number.isInteger(value) && value >= 1;
