import { quoted, UsageError } from '../../core/errors.ts';
import {
  type Filling,
  type Found,
  findColumns,
  isPossible,
  type TableOp,
  type TableRows,
  tableRows,
} from './table-rows.ts';

const COMMA = 44;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const POINT = 46;
const ZERO = 48;

const powersOfTen = Float64Array.from({ length: 23 }, (_, i) => 10 ** i);

/**
 * Reads a comma-separated table from its bytes. A library makes a string of every field; tables of 10⁵ rows
 * are read at the start of a run, and this takes a tenth of the time.
 *
 * @throws UsageError at a missing column, an empty table, or what is not a number, with its line.
 */
export function readCsvRows(bytes: Uint8Array, op: TableOp, path: string): TableRows {
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  const headerStart = hasMark ? 3 : 0;
  const headerEnd = endOfLine(bytes, headerStart);
  const header = decode(bytes, headerStart, headerEnd)
    .split(',')
    .map(name => name.trim());
  if (header.length === 1 && header[0] === '') throw new UsageError(`${path}: the file is empty`);
  const found = findColumns(header, op, path);
  const rows = countLines(bytes, headerEnd + 1);
  const columns = new Map<string, Filling>(found.map(column => [column.name, filling(column, rows)]));
  const byPosition: (Field | undefined)[] = header.map((_, at) => {
    const column = found.find(other => other.at === at);
    return column && { column: column.name, filling: columns.get(column.name)! };
  });
  let row = 0;
  let line = 1;
  for (let start = headerEnd + 1; start < bytes.length; ) {
    line++;
    const end = endOfLine(bytes, start);
    const stop = end > start && bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end;
    if (stop > start) readLine(bytes, start, stop, byPosition, row++, path, line);
    start = end + 1;
  }
  return tableRows(path, row, columns);
}

interface Field {
  readonly column: string;
  readonly filling: Filling;
}

function readLine(
  bytes: Uint8Array,
  start: number,
  stop: number,
  fields: readonly (Field | undefined)[],
  row: number,
  path: string,
  line: number,
): void {
  let from = start;
  let at = 0;
  for (let i = start; i <= stop; i++) {
    if (i < stop && bytes[i] !== COMMA) continue;
    const field = fields[at++];
    if (field) {
      const { column, filling } = field;
      if (filling.kind === 'text') filling.codes[row] = codeOf(filling.values, bytes, from, i);
      else {
        const value = parseNumber(bytes, from, i);
        if (!isPossible(column, value)) {
          throw new UsageError(
            `${path}, line ${line}, column ${column}: expected a number ${column === 'latency' ? 'above 0' : 'of at least 0'}, found ${quoted(decode(bytes, from, i))}`,
          );
        }
        filling.values[row] = value;
      }
    }
    from = i + 1;
  }
  if (at !== fields.length) {
    throw new UsageError(`${path}, line ${line}: ${at} fields where the header has ${fields.length}`);
  }
}

function filling({ kind, absent }: Found, rows: number): Filling {
  if (kind === 'number') return { kind, values: new Float64Array(rows).fill(Number(absent)) };
  // The first value stands for the column where the file lacks it, and codes are 0.
  return { kind, codes: new Uint16Array(rows), values: [String(absent)] };
}

/** Digits are read as whole numbers, which is exact: the quotient is then the nearest double. */
function parseNumber(bytes: Uint8Array, from: number, to: number): number {
  let value = 0;
  let digits = 0;
  let decimals = -1;
  for (let i = from; i < to; i++) {
    const digit = bytes[i]! - ZERO;
    if (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      digits++;
      if (decimals >= 0) decimals++;
    } else if (bytes[i] === POINT && decimals < 0) decimals = 0;
    else return slowNumber(bytes, from, to);
  }
  if (digits === 0 || digits > 15) return slowNumber(bytes, from, to);
  return decimals > 0 ? value / powersOfTen[decimals]! : value;
}

/** Exponents, signs, many digits, or no number at all. */
function slowNumber(bytes: Uint8Array, from: number, to: number): number {
  const text = decode(bytes, from, to).trim();
  return text === '' ? Number.NaN : Number(text);
}

function codeOf(values: string[], bytes: Uint8Array, from: number, to: number): number {
  for (let code = 0; code < values.length; code++) {
    if (isSame(values[code]!, bytes, from, to)) return code;
  }
  return values.push(decode(bytes, from, to)) - 1;
}

function isSame(value: string, bytes: Uint8Array, from: number, to: number): boolean {
  if (value.length !== to - from) return false;
  for (let i = 0; i < value.length; i++) if (value.charCodeAt(i) !== bytes[from + i]) return false;
  return true;
}

function endOfLine(bytes: Uint8Array, from: number): number {
  const end = bytes.indexOf(LINE_FEED, from);
  return end < 0 ? bytes.length : end;
}

function countLines(bytes: Uint8Array, from: number): number {
  let lines = 1;
  for (let i = from; i < bytes.length; i++) if (bytes[i] === LINE_FEED) lines++;
  return lines;
}

const decoder = new TextDecoder();
const decode = (bytes: Uint8Array, from: number, to: number) => decoder.decode(bytes.subarray(from, to));
