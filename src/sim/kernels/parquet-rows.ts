import { quoted, UsageError } from '../../core/errors.ts';
import {
  type Filling,
  findColumns,
  isPossible,
  type TableOp,
  type TableRows,
  tableRows,
} from './table-rows.ts';

/**
 * Reads a table as AIConfigurator publishes it (parquet, zstd).
 *
 * @throws UsageError when it is no parquet file, or at a missing column or value.
 */
export async function readParquetRows(bytes: Uint8Array, op: TableOp, path: string): Promise<TableRows> {
  // Only those who bring such files load the reader.
  const [{ parquetMetadata, parquetRead, parquetSchema }, { compressors }] = await Promise.all([
    import('hyparquet'),
    import('hyparquet-compressors'),
  ]);
  // A copy: these bytes may be a view into a larger buffer.
  const file = new Uint8Array(bytes).buffer;
  const metadata = readOrSay(path, () => parquetMetadata(file));
  const header = parquetSchema(metadata).children.map(child => child.element.name);
  const found = findColumns(header, op, path);
  const present = found.filter(column => column.at >= 0).map(column => header[column.at]!);
  const rows = Number(metadata.num_rows);
  const columns = new Map<string, Filling>();
  const fillings = new Map<string, { name: string; filling: Filling }>();
  for (const { name, kind, at, absent } of found) {
    const filling: Filling =
      kind === 'number'
        ? { kind, values: new Float64Array(rows).fill(Number(absent)) }
        : { kind, codes: new Uint16Array(rows), values: [String(absent)] };
    columns.set(name, filling);
    if (at >= 0) fillings.set(header[at]!, { name, filling });
  }
  await parquetRead({
    file,
    metadata,
    columns: present,
    compressors,
    onChunk({ columnName, columnData, rowStart }) {
      const target = fillings.get(columnName);
      if (target) fill(target.filling, target.name, columnData, rowStart, path);
    },
  }).catch((error: unknown) => {
    throw error instanceof UsageError ? error : unreadable(path, error);
  });
  return tableRows(path, rows, columns);
}

function fill(filling: Filling, name: string, data: ArrayLike<unknown>, start: number, path: string): void {
  for (let i = 0; i < data.length; i++) {
    const value = data[i];
    if (filling.kind === 'number') {
      const number = typeof value === 'number' ? value : value == null ? Number.NaN : Number(value);
      if (!isPossible(name, number)) {
        throw new UsageError(
          `${path}, row ${start + i + 1}, column ${name}: expected a number, found ${quoted(value)}`,
        );
      }
      filling.values[start + i] = number;
    } else {
      const text = String(value ?? '');
      const code = filling.values.indexOf(text);
      filling.codes[start + i] = code >= 0 ? code : filling.values.push(text) - 1;
    }
  }
}

function readOrSay<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw unreadable(path, error);
  }
}

const unreadable = (path: string, error: unknown) =>
  new UsageError(`${path}: not a parquet file that can be read (${(error as Error).message})`);
