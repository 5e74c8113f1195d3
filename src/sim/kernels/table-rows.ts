import { UsageError } from '../../core/errors.ts';

/** The tables of AIConfigurator that Quire reads. */
export type TableOp = 'gemm' | 'context_attention' | 'generation_attention' | 'allreduce' | 'nccl';

/** A column that is read: its names in files old and new, and what stands where a file lacks it. */
interface Column {
  readonly names: readonly string[];
  readonly kind: 'number' | 'text';
  readonly absent?: number | string;
}

const number = (name: string, absent?: number): Column => ({
  names: [name],
  kind: 'number',
  ...(absent !== undefined && { absent }),
});
const text = (names: readonly string[], absent?: string): Column => ({
  names,
  kind: 'text',
  ...(absent !== undefined && { absent }),
});

const latency: Column = { names: ['latency_ms', 'latency'], kind: 'number' };
const attention = {
  attn_dtype: text(['attn_dtype'], 'bfloat16'),
  kv_cache_dtype: text(['kv_cache_dtype']),
  num_heads: number('num_heads'),
  num_key_value_heads: number('num_key_value_heads'),
  head_dim: number('head_dim'),
  window_size: number('window_size', 0),
  batch_size: number('batch_size'),
  isl: number('isl'),
  step: number('step', 0),
  latency,
};

/** What is read of each table. Times are milliseconds, message sizes elements. */
export const columnsOf = {
  gemm: { gemm_dtype: text(['gemm_dtype']), m: number('m'), n: number('n'), k: number('k'), latency },
  context_attention: attention,
  generation_attention: attention,
  allreduce: {
    num_gpus: number('num_gpus'),
    message_size: number('message_size'),
    backend: text(['backend'], ''),
    latency,
  },
  nccl: {
    op: text(['op', 'op_name']),
    dtype: text(['dtype', 'nccl_dtype']),
    num_gpus: number('num_gpus'),
    message_size: number('message_size'),
    latency,
  },
} satisfies Record<TableOp, Record<string, Column>>;

/** A column of few different texts: a code for each row, and what the codes mean. */
export interface TextColumn {
  readonly codes: Uint16Array;
  readonly values: readonly string[];
}

/** A table in memory, column by column. */
export interface TableRows {
  /** For messages. */
  readonly path: string;
  readonly length: number;
  readonly numbers: ReadonlyMap<string, Float64Array>;
  readonly texts: ReadonlyMap<string, TextColumn>;
}

/** One column of a file: what it is called in Quire, and where it stands (−1: absent). */
export interface Found {
  readonly name: string;
  readonly kind: Column['kind'];
  readonly at: number;
  readonly absent: number | string;
}

/** Finds the columns of a table in a header. @throws UsageError naming those that are missing. */
export function findColumns(header: readonly string[], op: TableOp, path: string): Found[] {
  const columns: Record<string, Column> = columnsOf[op];
  const found = Object.entries(columns).map(([name, { names, kind, absent }]) => {
    const at = names.map(own => header.indexOf(own)).find(i => i >= 0) ?? -1;
    if (at < 0 && absent === undefined) {
      throw new UsageError(
        `${path}, line 1: no column ${names[0]}; a table of ${op} has ${Object.keys(columns).join(', ')}`,
      );
    }
    return { name, kind, at, absent: absent ?? 0 };
  });
  return found;
}

/** A column that a reader fills row by row. */
export type Filling =
  | { readonly kind: 'number'; readonly values: Float64Array }
  | { readonly kind: 'text'; readonly codes: Uint16Array; readonly values: string[] };

/** @throws UsageError when there is no row. */
export function tableRows(path: string, length: number, columns: ReadonlyMap<string, Filling>): TableRows {
  if (length === 0) throw new UsageError(`${path}: the table holds no rows`);
  const numbers = new Map<string, Float64Array>();
  const texts = new Map<string, TextColumn>();
  for (const [name, column] of columns) {
    if (column.kind === 'number') numbers.set(name, column.values.subarray(0, length));
    else texts.set(name, { codes: column.codes.subarray(0, length), values: column.values });
  }
  return { path, length, numbers, texts };
}

/** Times and sizes are above zero, other numbers not below: anything else is a damaged file. */
export function isPossible(column: string, value: number): boolean {
  return Number.isFinite(value) && (column === 'latency' ? value > 0 : value >= 0);
}
