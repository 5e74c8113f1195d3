import { quoted, UsageError } from '../../core/errors.ts';

/** The keys of a parsed JSON object, checked as they are read. */
export class ConfigFields {
  readonly values: Readonly<Record<string, unknown>>;
  readonly #place: string;

  /** @param place For messages: `the config.json of …`. @throws UsageError when it is no object. */
  constructor(json: unknown, place: string) {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      throw new UsageError(`${capital(place)} must hold an object, found ${quoted(json)}.`);
    }
    this.values = json as Readonly<Record<string, unknown>>;
    this.#place = place;
  }

  get(key: string): unknown {
    return Object.hasOwn(this.values, key) ? this.values[key] : undefined;
  }

  has(key: string): boolean {
    return this.get(key) !== undefined && this.get(key) !== null;
  }

  error(problem: string): UsageError {
    return new UsageError(`In ${this.#place}, ${problem}.`);
  }

  /** Absent or null: `absent`, or an error when there is none. */
  positive(key: string, absent?: number): number {
    const value = this.get(key) ?? absent;
    if (value === undefined) throw this.error(`${key} is missing, but must be a number above 0`);
    if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
    throw this.error(`${key} is ${quoted(value)}, but must be a number above 0`);
  }

  /** Absent or null: undefined. */
  object(key: string): ConfigFields | undefined {
    if (!this.has(key)) return undefined;
    const value = this.get(key);
    if (typeof value !== 'object' || Array.isArray(value)) {
      throw this.error(`${key} is ${quoted(value)}, but must be an object`);
    }
    return new ConfigFields(value, `${key} of ${this.#place}`);
  }

  /** One id, a list of them, or none at all (null, absent), without repetition. */
  tokenIds(key: string, vocab: number): readonly number[] {
    const value = this.get(key) ?? [];
    const ids: unknown[] = Array.isArray(value) ? value : [value];
    for (const id of ids) {
      if (typeof id === 'number' && Number.isSafeInteger(id) && id >= 0 && id < vocab) continue;
      throw this.error(`${key} is ${quoted(id)}, but must be a token id from 0 to ${vocab - 1}`);
    }
    return [...new Set(ids as number[])];
  }
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
