/** A structure has asked for more than anybody may take of an engine that others wait for. */
export class Overrun extends Error {
  override name = 'Overrun';
}

/** How deep a derivative may go down into an expression: far less than any stack has room for. */
const MOST_DEPTH = 1000;

/**
 * What a structure has cost, counted and not timed: the same request ends the same way on every machine. A unit is
 * about a quarter of a microsecond: one derivative that was not known.
 */
export class Work {
  /** Units since the start. */
  done = 0;
  #limit = Number.POSITIVE_INFINITY;
  #depth = 0;

  /** @throws Overrun beyond the limit. */
  spend(units: number): void {
    this.done += units;
    if (this.done > this.#limit) throw new Overrun('the structure takes too much work');
  }

  /** Goes down by one, to be followed by `up`. @throws Overrun when that is too deep. */
  down(): void {
    if (++this.#depth > MOST_DEPTH) throw new Overrun('the structure is nested too deeply');
  }

  up(): void {
    this.#depth--;
  }

  /** Runs what may take so many units. @throws Overrun when it takes more. */
  within<T>(units: number, act: () => T): T {
    const before = this.#limit;
    const depth = this.#depth;
    this.#limit = Math.min(before, this.done + units);
    try {
      return act();
    } finally {
      this.#limit = before;
      this.#depth = depth;
    }
  }
}
