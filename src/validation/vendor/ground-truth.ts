import { csvParse } from 'd3-dsv';
import { UsageError } from '../../core/errors.ts';
import type { Config } from '../../sim/config.ts';
import { gpus } from '../../sim/hardware/catalogue.ts';
import type { Gpu } from '../../sim/hardware/gpu.ts';
import { sameModel, sameName } from '../../sim/kernels/names.ts';
import { models } from '../../sim/models/catalogue.ts';
import type { Model } from '../../sim/models/model.ts';
import type { DataFolder } from '../study.ts';

/** One published figure of one deployment under one load. */
export interface GroundTruth {
  readonly source: string;
  readonly engine: string;
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

/**
 * The rows of `ground_truth.csv` that `wanted` takes, of GPUs, models and lengths that Quire knows.
 *
 * @throws UsageError when the file is missing or has other columns.
 */
export async function groundTruth(
  data: DataFolder,
  wanted: (row: { source: string; metric: string }) => boolean,
): Promise<{ readonly rows: readonly GroundTruth[]; readonly skipped: readonly string[] }> {
  if (!(await data.list()).includes(file)) {
    throw new UsageError(
      `${data.name}: no ${file}; expected a table of published benchmarks (${columns.join(',')})`,
    );
  }
  const table = csvParse((await data.text(file)).replace(/^\uFEFF/, ''));
  const missing = columns.filter(name => !table.columns.includes(name));
  if (missing.length > 0) throw new UsageError(`${file}: no column ${missing.join(', ')}`);
  const rows: GroundTruth[] = [];
  const skipped = new Map<string, number>();
  for (const row of table as unknown as readonly Record<(typeof columns)[number], string>[]) {
    if (!wanted(row)) continue;
    const known = knownRow(row);
    if (typeof known === 'string') skipped.set(known, (skipped.get(known) ?? 0) + 1);
    else rows.push(known);
  }
  return { rows, skipped: [...skipped].map(([why, count]) => `${count} rows left out: ${why}`) };
}

/** @returns why it cannot be simulated, if it cannot. */
function knownRow(row: Record<(typeof columns)[number], string>): GroundTruth | string {
  const gpu = gpuOf(row.gpu);
  if (!gpu) return `GPU ${row.gpu} is not known`;
  const model = models.find(({ title }) => sameModel(title, row.model));
  if (!model) return `model ${row.model} is not known`;
  const [inputTokens, outputTokens, value] = [Number(row.isl), Number(row.osl), Number(row.value)];
  if (!(inputTokens > 0) || !(outputTokens > 0)) return `lengths ${row.isl}/${row.osl} are no numbers`;
  if (!Number.isFinite(value)) return `value ${row.value} is no number`;
  // Where a source names no precision, the name of the checkpoint does.
  const fp8 = /fp8/i.test(row.precision) || (row.precision.replace('?', '') === '' && /fp8/i.test(row.model));
  return {
    source: row.source,
    engine: row.engine.toLowerCase(),
    version: row.version,
    gpu,
    model,
    config: {
      model: model.name,
      gpu: gpu.name,
      tensor_parallel: Number(row.num_gpus),
      weights: fp8 ? 'fp8' : 'fp16',
    },
    inputTokens,
    outputTokens,
    load: row.concurrency_or_batch,
    metric: row.metric,
    value,
    unit: row.unit,
  };
}

/** `h100_sxm`, `A100-SXM-80GB`, `a100-80gb`, `RTX4090-24GB`: by its memory where that tells GPUs apart; an A100 has 80 GB. */
function gpuOf(label: string): Gpu | undefined {
  const name = label.split(/[-_ ]sxm|-\d+gb/i)[0]!.replace(/_server$/, '');
  const memory = /(\d+)gb/i.exec(label)?.[1] ?? '80';
  const named = (text: string) => gpus.find(gpu => sameName(gpu.name, text));
  return named(`${name}${memory}`) ?? named(name);
}
