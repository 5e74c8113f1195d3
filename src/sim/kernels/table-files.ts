import { UsageError } from '../../core/errors.ts';
import type { KernelFolder } from './kernel-folder.ts';
import { gpusOf } from './systems.ts';
import type { TableOp } from './table-rows.ts';

/** Engines whose kernels AIConfigurator has measured. */
export const frameworks = ['vllm', 'sglang', 'trtllm'] as const;
export type Framework = (typeof frameworks)[number];

/** A folder has measured nothing of a GPU. */
export class NoKernels extends UsageError {}

/** One table of a folder. */
export interface TableFile {
  readonly path: string;
  readonly system: string;
  readonly op: TableOp;
  /** `nccl` measures the library, whatever the engine. */
  readonly framework: Framework | 'nccl';
  readonly version: string;
}

/** `h100_sxm_vllm-0.24.0_gemm.csv.gz`, `h100_sxm_nccl-2.23.csv.gz` */
const flat =
  /(?:^|\/)(?<system>\w+?)_(?:(?<framework>vllm|sglang|trtllm)-(?<version>[^_/]+)_(?<op>gemm|context_attention|generation_attention|allreduce)|nccl-(?<nccl>[^_/]+))\.csv(?:\.gz)?$/;
/** `h100_sxm/gemm/vllm/0.24.0/gemm_perf.parquet`, and without the family; older ones are text. */
const nested =
  /(?:^|\/)(?<system>\w+)\/(?:\w+\/)?(?<framework>vllm|sglang|trtllm|nccl)\/(?<version>[^/]+)\/(?<op>gemm|context_attention|generation_attention|custom_allreduce|nccl)_perf\.(?:parquet|txt|csv)(?:\.gz)?$/;

/** The tables among the files of a folder. */
export async function tableFiles(folder: KernelFolder): Promise<readonly TableFile[]> {
  const files: TableFile[] = [];
  for (const path of await folder.list()) {
    const found = flat.exec(path)?.groups ?? nested.exec(path)?.groups;
    if (!found) continue;
    const { system, nccl } = found;
    const framework = (found['framework'] ?? 'nccl') as TableFile['framework'];
    const op = (found['op'] ?? 'nccl').replace('custom_', '') as TableOp;
    files.push({ path, system: system!, op, framework, version: nccl ?? found['version']! });
  }
  return files;
}

/**
 * The table of each operation for a system: of the wanted engine where there is one, of the newest version.
 *
 * @throws NoKernels when the folder has no table of the system.
 */
export function chooseFiles(
  files: readonly TableFile[],
  system: string,
  want: { readonly gpu: string; readonly framework: Framework },
  folder: string,
): ReadonlyMap<TableOp, TableFile> {
  const own = files.filter(file => file.system === system);
  if (own.every(file => file.op === 'nccl')) {
    const known = [...new Set(files.flatMap(file => gpusOf(file.system)))].sort();
    throw new NoKernels(
      `${folder}: no kernel tables of ${want.gpu}; ` +
        (known.length > 0
          ? `it has ${known.join(', ')}`
          : 'expected tables of AIConfigurator (h100_sxm_vllm-0.24.0_gemm.csv.gz, or its own folders from h100_sxm/ ' +
            'down) or a profile of LLMServingSim (RTX4090/meta-llama/Llama-3.1-8B/bf16/tp1/dense.csv)'),
    );
  }
  const rank = (file: TableFile) => Number(file.framework === want.framework);
  const order = (name: TableFile['framework']) => (frameworks as readonly string[]).indexOf(name);
  const best = new Map<TableOp, TableFile>();
  const sorted = own.toSorted(
    (a, b) =>
      rank(b) - rank(a) ||
      order(a.framework) - order(b.framework) ||
      byVersion(b.version, a.version) ||
      // The published file before what was converted from it.
      Number(b.path.endsWith('.parquet')) - Number(a.path.endsWith('.parquet')),
  );
  for (const file of sorted) if (!best.has(file.op)) best.set(file.op, file);
  return best;
}

/** 0.9 before 0.24, a release candidate before its release. */
export function byVersion(a: string, b: string): number {
  const parts = (version: string) => version.split(/(\d+)/).filter(part => part !== '' && part !== '.');
  const [left, right] = [parts(a), parts(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const [x, y] = [left[i], right[i]];
    if (x === y) continue;
    // Ends: 1.3.0 is above 1.3.0rc20, and below 1.3.0.post1 and 1.3.0.1.
    if (x === undefined) return /^(?:rc|a|b|dev)/i.test(y!) ? 1 : -1;
    if (y === undefined) return /^(?:rc|a|b|dev)/i.test(x) ? -1 : 1;
    const [m, n] = [Number(x), Number(y)];
    if (m !== n && !Number.isNaN(m) && !Number.isNaN(n)) return m - n;
    return x < y ? -1 : 1;
  }
  return 0;
}
