/** A structure has asked for more than anybody may take of an engine that others wait for. */
export class Overrun extends Error {
  override name = 'Overrun';
}

/**
 * What a structure has cost, counted and not timed: the same request ends the same way on every machine. A unit is
 * about a tenth of a microsecond: one derivative that was not known.
 */
export class Work {
  /** Units since the start. */
  done = 0;
  #limit = Number.POSITIVE_INFINITY;

  /** @throws Overrun beyond the limit. */
  spend(units: number): void {
    this.done += units;
    if (this.done > this.#limit) throw new Overrun('the structure takes too much work');
  }

  /** Runs what may take so many units. @throws Overrun when it takes more. */
  within<T>(units: number, act: () => T): T {
    const before = this.#limit;
    this.#limit = Math.min(before, this.done + units);
    try {
      return act();
    } finally {
      this.#limit = before;
    }
  }
}
