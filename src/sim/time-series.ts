import type { Seconds } from '../core/units.ts';

/** Time-weighted means of several quantities over equal intervals; at most `limit`, which double in width when time runs on. */
export class TimeSeries {
  readonly #limit: number;
  #width: Seconds;
  #origin: Seconds | undefined;
  #sums: Float64Array[];
  #used = 0;

  constructor(quantities: number, limit = 512, width: Seconds = 1 / 64) {
    this.#limit = limit;
    this.#width = width;
    this.#sums = Array.from({ length: quantities + 1 }, () => new Float64Array(limit));
  }

  /** `values` held from `begin` to `end`; calls are in order of time. */
  add(begin: Seconds, end: Seconds, values: readonly number[]): void {
    this.#origin ??= begin;
    while (end - this.#origin > this.#limit * this.#width) this.#halve();
    let bin = Math.floor((begin - this.#origin) / this.#width);
    for (let from = begin; from < end; bin++) {
      const border = this.#origin + (bin + 1) * this.#width;
      const to = Math.min(end, border);
      const at = Math.min(bin, this.#limit - 1);
      const share = Math.max(0, to - from);
      this.#sums[0]![at]! += share;
      for (let i = 0; i < values.length; i++) this.#sums[i + 1]![at]! += share * values[i]!;
      this.#used = Math.max(this.#used, at + 1);
      from = Math.max(to, border);
    }
  }

  #halve(): void {
    for (const sums of this.#sums) {
      for (let i = 0; i < this.#limit; i++) {
        sums[i] = 2 * i < this.#limit ? sums[2 * i]! + (sums[2 * i + 1] ?? 0) : 0;
      }
    }
    this.#used = Math.ceil(this.#used / 2);
    this.#width *= 2;
  }

  /** Start of each interval, relative to the first sample, and the mean of each quantity in it. */
  result(): { readonly interval: Seconds; readonly values: number[][] } {
    const weights = this.#sums[0]!;
    const values = this.#sums
      .slice(1)
      .map(sums =>
        Array.from(sums.subarray(0, this.#used), (sum, i) => (weights[i]! > 0 ? sum / weights[i]! : 0)),
      );
    return { interval: this.#width, values };
  }
}
