import { quoted, UsageError } from '../../../core/errors.ts';
import type { Seconds } from '../../../core/units.ts';

/**
 * Checks the values of one trace, row by row, and says where a bad one stands. A CSV's columns hold texts,
 * the fields of JSON hold values: a text is not a number there.
 */
export class Fields {
  /** The line looked at, from 1: set it before each row. */
  line = 0;
  readonly #file: string;
  readonly #kind: 'column' | 'field';
  #latest = Number.NEGATIVE_INFINITY;

  constructor(file: string, kind: 'column' | 'field') {
    this.#file = file;
    this.#kind = kind;
  }

  /** A whole number of at least `min` that a 32-bit integer holds. */
  whole(value: unknown, name: string, min: number): number {
    const number = this.#number(value);
    if (!Number.isInteger(number) || number < min)
      this.fail(name, `a whole number of at least ${min}`, value);
    if (number > MAX) this.fail(name, `a whole number of at most ${MAX}`, value);
    return number;
  }

  number(value: unknown, name: string): number {
    const number = this.#number(value);
    if (!Number.isFinite(number)) this.fail(name, 'a number', value);
    return number;
  }

  /** A time since the start: a number of at least 0. `unit` is in the message only. */
  time(value: unknown, name: string, unit: string): number {
    const number = this.#number(value);
    if (!(number >= 0 && number < Number.POSITIVE_INFINITY)) {
      this.fail(name, `a number of ${unit} of at least 0`, value);
    }
    return number;
  }

  text(value: unknown, name: string): string {
    return typeof value === 'string' ? value : this.fail(name, 'a text', value);
  }

  /** Hands back `time`, an arrival, unless it is before that of an earlier row. */
  ascending(time: Seconds, name: string, value: unknown): Seconds {
    if (time < this.#latest) this.fail(name, 'a time not before that of the row above', value);
    this.#latest = time;
    return time;
  }

  fail(name: string, expected: string, found: unknown): never {
    throw new UsageError(
      `${this.#file}: line ${this.line}, ${this.#kind} "${name}": expected ${expected}, found ${shown(found)}`,
    );
  }

  /** The row as a JSON object. */
  object(text: string): Readonly<Record<string, unknown>> {
    const value = parseJson(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new UsageError(`${this.#file}: line ${this.line}: expected a JSON object, found ${shown(text)}`);
    }
    return value as Record<string, unknown>;
  }

  #number(value: unknown): number {
    if (typeof value === 'number') return value;
    if (this.#kind === 'field' || typeof value !== 'string' || !DECIMAL.test(value)) return Number.NaN;
    return Number(value);
  }
}

/** The value of a JSON text, or undefined when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What the parser says differs between versions of Node: its reader gets to see the text instead.
    return undefined;
  }
}

/** A value as an error shows it: in quotes, and cut when long. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = typeof value === 'string' ? value : quoted(value);
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

/** `Number` also reads "", "0x10" and "Infinity". */
const DECIMAL = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*$/;
/** Positions and counts of tokens are 32-bit integers in the core. */
const MAX = 2 ** 31 - 1;
