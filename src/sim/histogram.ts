import type { Seconds } from '../core/units.ts';

/**
 * Counts of durations in bins of 1/2048 relative width, for what comes by the million (every gap between
 * tokens): bounded memory, percentiles and deviation within 0.03 %, the mean exact to the nanosecond.
 * Whole numbers only, so that the order and grouping of what is added never shows.
 */
export class Histogram {
  // The upper half of a double, cut to 11 bits of mantissa, is the bin: exponent and leading digits.
  readonly #bins = new Map<number, number>();
  readonly #double = new Float64Array(1);
  readonly #words = new Uint32Array(this.#double.buffer);
  count = 0;
  #nanoseconds = 0;

  add(value: Seconds, times: number): void {
    this.#double[0] = value;
    const bin = this.#words[1]! >>> 9;
    this.#bins.set(bin, (this.#bins.get(bin) ?? 0) + times);
    this.count += times;
    this.#nanoseconds += Math.round(value * 1e9) * times;
  }

  get mean(): Seconds {
    return this.count === 0 ? 0 : this.#nanoseconds / this.count / 1e9;
  }

  get std(): Seconds {
    let squares = 0;
    for (const bin of this.#ascending())
      squares += this.#bins.get(bin)! * (this.#middle(bin) - this.mean) ** 2;
    return this.count === 0 ? 0 : Math.sqrt(squares / this.count);
  }

  /** The value that a share `q` of all does not exceed; 0 when there is none. */
  quantile(q: number): Seconds {
    const rank = q * (this.count - 1);
    let seen = 0;
    for (const bin of this.#ascending()) {
      seen += this.#bins.get(bin)!;
      if (seen > rank) return this.#middle(bin);
    }
    return 0;
  }

  #ascending(): number[] {
    return [...this.#bins.keys()].sort((a, b) => a - b);
  }

  #middle(bin: number): Seconds {
    this.#words[0] = 0;
    this.#words[1] = bin * 512 + 256;
    return this.#double[0]!;
  }
}
