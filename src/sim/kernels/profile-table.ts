import { csvParseRows } from 'd3-dsv';
import { UsageError } from '../../core/errors.ts';

/** Rows of a small CSV table with a header, its wanted columns checked to be numbers or (`layer`) names. */
export class ProfileTable {
  readonly #columns: ReadonlyMap<string, number>;
  readonly #rows: readonly (readonly string[])[];
  readonly #path: string;

  /** @throws UsageError when a column is missing or there are no rows. */
  constructor(text: string, path: string, columns: readonly string[]) {
    const [header, ...rows] = csvParseRows(text.replace(/^\uFEFF/, '')).filter(row =>
      row.some(cell => cell !== ''),
    );
    this.#path = path;
    this.#rows = rows;
    this.#columns = new Map((header ?? []).map((name, i) => [name.trim(), i]));
    const missing = columns.filter(name => !this.#columns.has(name));
    if (missing.length > 0)
      throw new UsageError(`${path}: no column ${missing.join(', ')}; expected ${columns.join(',')}`);
    if (rows.length === 0) throw new UsageError(`${path}: the table holds no rows`);
  }

  has(column: string): boolean {
    return this.#columns.has(column);
  }

  /** @throws UsageError naming line and column at what is not a number of at least `least`. */
  numbers(columns: readonly string[], least = 0): number[][] {
    return this.#rows.map((_, i) => columns.map(name => this.#number(i, name, least)));
  }

  /** The same by the text of another column. */
  grouped(by: string, columns: readonly string[]): Map<string, number[][]> {
    const groups = new Map<string, number[][]>();
    for (let i = 0; i < this.#rows.length; i++) {
      const name = this.text(i, by);
      const values = columns.map(column => this.#number(i, column));
      const group = groups.get(name);
      if (group) group.push(values);
      else groups.set(name, [values]);
    }
    return groups;
  }

  get length(): number {
    return this.#rows.length;
  }

  text(row: number, column: string): string {
    return this.#rows[row]![this.#columns.get(column)!] ?? '';
  }

  #number(row: number, column: string, least = 0): number {
    const text = this.text(row, column);
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (Number.isFinite(value) && value >= least) return value;
    throw new UsageError(
      `${this.#path}, row ${row + 2}, ${column}: expected a number${least === 0 ? ' of at least 0' : ''}, found "${text.slice(0, 40)}"`,
    );
  }
}
