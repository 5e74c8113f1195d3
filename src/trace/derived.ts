import type { Recording } from './recording.ts';

/**
 * What is worked out of a recording once: where it is first asked for, or beforehand by another thread, which hands
 * it over. It is plain data, and what is long in it is columns.
 */
export class Derived<T> {
  readonly name: string;
  readonly #make: (recording: Recording) => T;
  readonly #known = new WeakMap<Recording, T>();

  constructor(name: string, make: (recording: Recording) => T) {
    this.name = name;
    this.#make = make;
  }

  of(recording: Recording): T {
    let known = this.#known.get(recording);
    if (known === undefined) this.#known.set(recording, (known = this.#make(recording)));
    return known;
  }

  /** @param known what `of` gave for the same recording elsewhere. */
  adopt(recording: Recording, known: T): void {
    this.#known.set(recording, known);
  }
}
