import type { Seconds } from '../../core/units.ts';
import { lastNotAbove, meanByFirst } from './axis.ts';
import type { Tier } from './kernel-tables.ts';

/** A point of a plane: its line, where on the line, and the time there. */
export type PlanePoint = readonly [line: number, x: number, seconds: Seconds];

/** How times between two lines follow from theirs. */
export type Between = 'linear' | 'parabola';

const tiers = ['measured', 'interpolated', 'extrapolated'] as const satisfies readonly Tier[];
const INTERPOLATED = 1;
const EXTRAPOLATED = 2;

/**
 * Times over two axes, as parallel lines that need not be of one length: tables leave out what did not fit
 * the memory. On a line, time is linear between its points; below the first it holds (a launch costs what
 * it costs), beyond the last it grows with the work.
 *
 * Between lines it is linear too, or (`parabola`) of the mean of the two parabolas in the logarithms that
 * share the inner lines: prefill attention goes from flat to quadratic, and its errors fall by a quarter
 * against the square-root transform.
 */
export class Plane {
  /** Where the lines are, ascending. */
  readonly at: Float64Array;
  readonly #x: readonly Float64Array[];
  readonly #seconds: readonly Float64Array[];
  readonly #between: Between;
  readonly #work: (x: number) => number;
  #tier = 0;

  /** @param work what time is in proportion to beyond the end of a line */
  constructor(points: readonly PlanePoint[], between: Between, work = (x: number) => x) {
    const lines = new Map<number, [number, number][]>();
    for (const [line, x, seconds] of points) {
      const own = lines.get(line);
      if (own) own.push([x, seconds]);
      else lines.set(line, [[x, seconds]]);
    }
    const sorted = [...lines].sort((a, b) => a[0] - b[0]).map(([at, own]) => [at, meanByFirst(own)] as const);
    this.at = Float64Array.from(sorted, ([at]) => at);
    this.#x = sorted.map(([, own]) => Float64Array.from(own, point => point[0]));
    this.#seconds = sorted.map(([, own]) => Float64Array.from(own, point => point[1]));
    this.#between = between;
    this.#work = work;
  }

  /** How the last time that was read came about. */
  get tier(): Tier {
    return tiers[this.#tier]!;
  }

  /** The measured x of a line, ascending, and the times there. */
  line(i: number): { readonly x: Float64Array; readonly seconds: Float64Array } {
    return { x: this.#x[i]!, seconds: this.#seconds[i]! };
  }

  /** @returns the time at x, of the last line where `line` lies beyond it, of the first where it lies below. */
  read(line: number, x: number): Seconds {
    this.#tier = 0;
    const last = this.at.length - 1;
    const lower = lastNotAbove(this.at, line);
    if (lower >= 0 && this.at[lower] === line) return this.#onLine(lower, x);
    if (lower < 0 || lower === last) {
      this.#tier = EXTRAPOLATED;
      return this.#onLine(Math.max(0, lower), x);
    }
    this.#tier = INTERPOLATED;
    return this.#across(line, x, lower - 1, lower, lower + 1, lower + 2);
  }

  /** What the rest of the plane says of point i of a line that has neighbours on both sides. */
  predictPoint(line: number, i: number): Seconds {
    const [x, y] = [this.#x[line]!, this.#seconds[line]!];
    const weight = (x[i]! - x[i - 1]!) / (x[i + 1]! - x[i - 1]!);
    return y[i - 1]! * (1 - weight) + y[i + 1]! * weight;
  }

  /** What the other lines say of x on a line that lies between two of them. */
  predictLine(line: number, x: number): Seconds {
    return this.#across(this.at[line]!, x, line - 2, line - 1, line + 1, line + 2);
  }

  #onLine(i: number, x: number): Seconds {
    const [axis, seconds] = [this.#x[i]!, this.#seconds[i]!];
    const lower = lastNotAbove(axis, x);
    if (lower < 0) {
      this.#tier = EXTRAPOLATED;
      return seconds[0]!;
    }
    const found = axis[lower]!;
    if (found === x) return seconds[lower]!;
    if (lower === axis.length - 1) {
      this.#tier = EXTRAPOLATED;
      return (seconds[lower]! * this.#work(x)) / this.#work(found);
    }
    if (this.#tier === 0) this.#tier = INTERPOLATED;
    const weight = (x - found) / (axis[lower + 1]! - found);
    return seconds[lower]! + (seconds[lower + 1]! - seconds[lower]!) * weight;
  }

  /** From the lines on both sides of `line`, and those outside them where they exist. */
  #across(line: number, x: number, before: number, lower: number, upper: number, after: number): Seconds {
    const low = this.#onLine(lower, x);
    const high = this.#onLine(upper, x);
    if (this.#between === 'linear') {
      const weight = (line - this.at[lower]!) / (this.at[upper]! - this.at[lower]!);
      return low + (high - low) * weight;
    }
    const tier = this.#tier;
    const [a, b] = [Math.log(this.at[lower]!), Math.log(this.at[upper]!)];
    const [y, z] = [Math.log(low), Math.log(high)];
    const s = Math.log(line);
    const weight = (s - a) / (b - a);
    const chord = y + (z - y) * weight;
    // A parabola is its chord plus a multiple of (s − a)(s − b), through the third point.
    let bends = 0;
    let bend = 0;
    for (const outer of [before, after]) {
      if (outer < 0 || outer >= this.at.length) continue;
      const c = Math.log(this.at[outer]!);
      const straight = y + ((z - y) * (c - a)) / (b - a);
      bend += (Math.log(this.#onLine(outer, x)) - straight) / ((c - a) * (c - b));
      bends++;
    }
    this.#tier = tier;
    const value = chord + (bends > 0 ? (bend / bends) * (s - a) * (s - b) : 0);
    return Math.exp(Math.min(Math.max(y, z), Math.max(Math.min(y, z), value)));
  }
}
