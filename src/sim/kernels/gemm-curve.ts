import type { Seconds } from '../../core/units.ts';
import { lastNotAbove } from './axis.ts';
import type { GemmRoofline } from './gemm-roofline.ts';
import type { KernelTime } from './kernel-tables.ts';

/**
 * Tiles of the output that one multiprocessor computes at a time; the first stands for none. A product
 * takes as many waves as it has tiles for each multiprocessor, so its time climbs in steps.
 */
const tiles = [
  [0, 0],
  [64, 64],
  [64, 128],
  [128, 64],
  [128, 128],
  [128, 256],
  [256, 64],
  [256, 128],
] as const;

/** Rows whose inputs or scales need no padding: kernels of 8 bits are slower by up to 40 % at others. */
const ALIGNMENT = 4;

/** Two of these are better than one that hits now and fails badly then. */
const LARGEST_ERROR = 1;

/**
 * Time of a matrix product by its rows m, for one weight matrix (n, k). Between measured m time is linear in
 * the waves of a tile, or plainly in m, from neighbours of the same alignment or from any: whichever
 * predicts the measured points of this very curve best, each from the others.
 */
export class GemmCurve {
  readonly #m: Float64Array;
  readonly #seconds: Float64Array;
  readonly #n: number;
  readonly #k: number;
  readonly #multiprocessors: number;
  readonly #roofline: GemmRoofline;
  /** Errors of each way (rows) at each inner point (columns), each predicted from the others. */
  #errors: Float64Array | undefined;
  #way = -1;

  /** @param m ascending, in the order of `seconds`. */
  constructor(
    m: Float64Array,
    seconds: Float64Array,
    weights: { readonly n: number; readonly k: number },
    multiprocessors: number,
    roofline: GemmRoofline,
  ) {
    this.#m = m;
    this.#seconds = seconds;
    this.#n = weights.n;
    this.#k = weights.k;
    this.#multiprocessors = multiprocessors;
    this.#roofline = roofline;
  }

  get n(): number {
    return this.#n;
  }

  get k(): number {
    return this.#k;
  }

  /** The measured m, ascending. */
  get rows(): Float64Array {
    return this.#m;
  }

  /** Measured time of the point i. */
  measured(i: number): Seconds {
    return this.#seconds[i]!;
  }

  read(m: number): KernelTime {
    const last = this.#m.length - 1;
    const at = lastNotAbove(this.#m, m);
    if (at >= 0 && this.#m[at] === m) return { seconds: this.#seconds[at]!, tier: 'measured' };
    if (at < 0 || at === last) {
      // Beyond its ends the curve keeps its distance from the roofline.
      const edge = at < 0 ? 0 : last;
      const share = this.#roofline(m, this.#n, this.#k) / this.#roofline(this.#m[edge]!, this.#n, this.#k);
      return { seconds: this.#seconds[edge]! * share, tier: 'extrapolated' };
    }
    if (this.#way < 0) this.#way = this.#best(-1);
    return { seconds: this.#between(m, at, at + 1, this.#way), tier: 'interpolated' };
  }

  /** What the other points say of the inner point i. */
  predictWithout(i: number): Seconds {
    return this.#between(this.#m[i]!, i - 1, i + 1, this.#best(i));
  }

  /** The way with the least mean error, that of the point `except` left out. */
  #best(except: number): number {
    const inner = this.#m.length - 2;
    const errors = (this.#errors ??= this.#measureErrors());
    let best = 0;
    let least = Number.POSITIVE_INFINITY;
    for (let way = 0; way < 2 * tiles.length; way++) {
      let sum = 0;
      for (let i = 0; i < inner; i++) if (i + 1 !== except) sum += errors[way * inner + i]!;
      if (sum < least) {
        least = sum;
        best = way;
      }
    }
    return best;
  }

  #measureErrors(): Float64Array {
    const inner = Math.max(0, this.#m.length - 2);
    const errors = new Float64Array(2 * tiles.length * inner);
    for (let way = 0; way < 2 * tiles.length; way++) {
      for (let i = 0; i < inner; i++) {
        const predicted = this.#between(this.#m[i + 1]!, i, i + 2, way);
        const error = Math.abs(predicted / this.#seconds[i + 1]! - 1);
        errors[way * inner + i] = Math.min(error, LARGEST_ERROR);
      }
    }
    return errors;
  }

  /** @param way a tile, and from `tiles.length` on the same among points of the alignment of m only. */
  #between(m: number, lower: number, upper: number, way: number): Seconds {
    let low = lower;
    let high = upper;
    if (way >= tiles.length) {
      const aligned = m % ALIGNMENT === 0;
      while (low >= 0 && (this.#m[low]! % ALIGNMENT === 0) !== aligned) low--;
      while (high < this.#m.length && (this.#m[high]! % ALIGNMENT === 0) !== aligned) high++;
      if (low < 0 || high === this.#m.length) {
        low = lower;
        high = upper;
      }
    }
    const a = this.#work(this.#m[low]!, way);
    const b = this.#work(this.#m[high]!, way);
    const weight = b > a ? Math.min(1, Math.max(0, (this.#work(m, way) - a) / (b - a))) : 0.5;
    return this.#seconds[low]! * (1 - weight) + this.#seconds[high]! * weight;
  }

  /** Rows that the waves of m have room for; a tenth is m itself, for steps are not quite flat. */
  #work(m: number, way: number): number {
    const tile = tiles[way % tiles.length]!;
    const height = tile[0];
    const width = tile[1];
    if (height === 0) return m;
    const count = Math.ceil(m / height) * Math.ceil(this.#n / width);
    const room =
      (Math.ceil(count / this.#multiprocessors) * this.#multiprocessors * height * width) / this.#n;
    return 0.9 * room + 0.1 * m;
  }
}
