import { UsageError } from '../../core/errors.ts';
import type { Bytes, Tokens } from '../../core/units.ts';
import { findGpu } from '../hardware/catalogue.ts';
import type { Gpu } from '../hardware/gpu.ts';
import { AllReduceTable } from './all-reduce-table.ts';
import { readCsvRows } from './csv-rows.ts';
import { DecodeTable } from './decode-table.ts';
import { type GemmTable, gemmTable } from './gemm-table.ts';
import type { KernelFolder } from './kernel-folder.ts';
import type { AttentionShape, GemmPrecision, KernelTables, KernelTime } from './kernel-tables.ts';
import { once } from './once.ts';
import { OtherMemory } from './other-memory.ts';
import { readParquetRows } from './parquet-rows.ts';
import { PrefillTable } from './prefill-table.ts';
import { systems } from './systems.ts';
import { chooseFiles, type Framework, type TableFile, tableFiles } from './table-files.ts';
import type { TableOp, TableRows } from './table-rows.ts';

/** A table that is parsed when it is first asked for. */
export type LazyRows = () => TableRows;

/**
 * Opens what a folder has measured of a GPU in AIConfigurator's formats: for each operation the table of the
 * wanted engine, or of another where it has none, of the newest version. Tables are parsed when first used.
 *
 * @throws UsageError when the folder has nothing for the GPU; from a reader, when first used, at what is no
 *   table.
 */
export async function openKernelTables(
  folder: KernelFolder,
  want: { readonly gpu: string; readonly framework: Framework },
): Promise<KernelTables> {
  const files = await tableFiles(folder);
  const gpu = findGpu(want.gpu);
  const system = gpu && systems[gpu.name];
  const chosen = chooseFiles(files, system?.name ?? '', want, folder.name);
  const rows = new Map<TableOp, LazyRows>();
  for (const [op, file] of chosen) rows.set(op, await openRows(folder, file));
  const measured = findGpu(system!.measured)!;
  const tables = new MeasuredTables(sourceOf(chosen), rows, measured, system!.multiprocessors);
  return measured === gpu ? tables : new OtherMemory(tables, measured, gpu!);
}

/** Fetches a file; a parquet file is read at once, for its reader is asynchronous. */
export async function openRows(folder: KernelFolder, { path, op }: TableFile): Promise<LazyRows> {
  const bytes = await folder.bytes(path);
  if (bytes.length === 0) throw new UsageError(`${path}: the file is empty`);
  if (path.endsWith('.parquet')) {
    const rows = await readParquetRows(bytes, op, path);
    return () => rows;
  }
  return once(() => readCsvRows(bytes, op, path));
}

function sourceOf(chosen: ReadonlyMap<TableOp, TableFile>): string {
  const byEngine = new Map<string, TableOp[]>();
  for (const [op, { system, framework, version }] of chosen) {
    const name = `${system} ${framework} ${version}`;
    byEngine.set(name, [...(byEngine.get(name) ?? []), op]);
  }
  const parts = [...byEngine].map(([name, ops]) => `${name} (${ops.sort().join(', ')})`);
  return `AIConfigurator kernel tables ${parts.sort().join(', ')}`;
}

class MeasuredTables implements KernelTables {
  readonly source: string;
  readonly #rows: ReadonlyMap<TableOp, LazyRows>;
  readonly #gpu: Gpu;
  readonly #multiprocessors: number;
  readonly #gemm = new Map<GemmPrecision, GemmTable | undefined>();
  #prefill: PrefillTable | undefined;
  #decode: DecodeTable | undefined;
  #allReduce: AllReduceTable | undefined;

  constructor(source: string, rows: ReadonlyMap<TableOp, LazyRows>, gpu: Gpu, multiprocessors: number) {
    this.source = source;
    this.#rows = rows;
    this.#gpu = gpu;
    this.#multiprocessors = multiprocessors;
  }

  gemm(m: number, n: number, k: number, precision: GemmPrecision): KernelTime | undefined {
    let table = this.#gemm.get(precision);
    if (!table && !this.#gemm.has(precision)) {
      const rows = this.#rows.get('gemm')?.();
      table = rows && gemmTable(rows, precision, this.#gpu, this.#multiprocessors);
      this.#gemm.set(precision, table);
    }
    return table?.read(m, n, k);
  }

  prefillAttention(
    batch: number,
    chunk: Tokens,
    past: Tokens,
    shape: AttentionShape,
  ): KernelTime | undefined {
    if (!this.#prefill) {
      const rows = this.#rows.get('context_attention');
      if (!rows) return undefined;
      this.#prefill = new PrefillTable(rows(), this.#multiprocessors);
    }
    return this.#prefill.read(batch, chunk, past, shape);
  }

  decodeAttention(batch: number, kv: number, shape: AttentionShape): KernelTime | undefined {
    if (!this.#decode) {
      const rows = this.#rows.get('generation_attention');
      if (!rows) return undefined;
      this.#decode = new DecodeTable(rows());
    }
    return this.#decode.read(batch, kv, shape);
  }

  allReduce(bytes: Bytes, gpus: number, graph: boolean): KernelTime | undefined {
    this.#allReduce ??= new AllReduceTable(this.#rows.get('allreduce')?.(), this.#rows.get('nccl')?.());
    return this.#allReduce.read(bytes, gpus, graph);
  }
}
