import type { DataFolder } from '../../src/validation/study.ts';
import { folderOf } from '../sim/kernels/folder.ts';

const header =
  'source,engine,version,gpu,num_gpus,model,precision,isl,osl,concurrency_or_batch,metric,value,unit,repo_path';

/** One row of `ground_truth.csv`. */
export interface BenchmarkRow {
  readonly source?: string;
  readonly engine?: string;
  readonly version?: string;
  readonly gpu?: string;
  readonly gpus?: number | string;
  readonly model?: string;
  readonly precision?: string;
  readonly isl?: number;
  readonly osl?: number;
  readonly load?: string;
  readonly metric?: string;
  readonly value?: number | string;
}

function line(row: BenchmarkRow): string {
  const { source = 'silicon', engine = 'vllm', version = '', gpu = 'h100_sxm', gpus = 1 } = row;
  const { model = 'Llama-3.1-8B', precision = 'bf16', isl = 64, osl = 8, load = 'concurrency=2' } = row;
  const { metric = 'mean_tpot', value = 7 } = row;
  const cells = [
    source,
    engine,
    version,
    gpu,
    gpus,
    model,
    precision,
    isl,
    osl,
    load,
    metric,
    value,
    'ms',
    'x',
  ];
  return cells.join(',');
}

/** The folder of one matrix product measured for each engine on an H100: all else is priced by rooflines. */
export const h100Kernels = Object.fromEntries(
  ['vllm-0.24.0', 'trtllm-1.3.0rc20'].map(engine => [
    `kernels/h100_sxm_${engine}_gemm.csv.gz`,
    'gemm_dtype,m,n,k,latency_ms\nbfloat16,8,64,64,0.005\nbfloat16,16,64,64,0.005\n',
  ]),
);

/** A folder with these rows of published benchmarks, and kernels. */
export function benchmarkFolder(
  rows: readonly BenchmarkRow[],
  files: Readonly<Record<string, string>> = h100Kernels,
): DataFolder {
  return folderOf({ 'ground_truth.csv': [header, ...rows.map(line)].join('\n'), ...files });
}
