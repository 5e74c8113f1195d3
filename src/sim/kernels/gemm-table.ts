import type { Gpu } from '../hardware/gpu.ts';
import { meanByFirst } from './axis.ts';
import { GemmCurve } from './gemm-curve.ts';
import { type GemmRoofline, gemmRoofline } from './gemm-roofline.ts';
import type { GemmPrecision, KernelTime } from './kernel-tables.ts';
import type { TableRows } from './table-rows.ts';

/** Curves that an unmeasured weight matrix borrows from, at most; and how far away they may be, in octaves. */
const NEIGHBOURS = 4;
const REACH = 2;

interface Neighbours {
  readonly curves: readonly GemmCurve[];
  /** Sum to 1. */
  readonly weights: readonly number[];
  readonly isFar: boolean;
}

/** Measured matrix products of one precision: a curve over rows for each weight matrix. */
export class GemmTable {
  readonly precision: GemmPrecision;
  readonly curves: readonly GemmCurve[];
  readonly #byShape = new Map<number, GemmCurve>();
  readonly #neighbours = new Map<number, Neighbours>();
  readonly #roofline: GemmRoofline;
  readonly #logN: Float64Array;
  readonly #logK: Float64Array;

  constructor(
    precision: GemmPrecision,
    points: readonly (readonly [m: number, n: number, k: number, seconds: number])[],
    gpu: Gpu,
    multiprocessors: number,
  ) {
    this.precision = precision;
    this.#roofline = gemmRoofline(gpu, precision);
    const groups = new Map<number, [m: number, seconds: number][]>();
    for (const [m, n, k, seconds] of points) {
      const key = keyOf(n, k);
      const group = groups.get(key);
      if (group) group.push([m, seconds]);
      else groups.set(key, [[m, seconds]]);
    }
    for (const [key, group] of groups) {
      const own = meanByFirst(group);
      const curve = new GemmCurve(
        Float64Array.from(own, point => point[0]),
        Float64Array.from(own, point => point[1]),
        { n: Math.floor(key / SIDE), k: key % SIDE },
        multiprocessors,
        this.#roofline,
      );
      this.#byShape.set(key, curve);
    }
    this.curves = [...this.#byShape.values()];
    this.#logN = Float64Array.from(this.curves, curve => Math.log2(curve.n));
    this.#logK = Float64Array.from(this.curves, curve => Math.log2(curve.k));
  }

  read(m: number, n: number, k: number): KernelTime {
    const key = keyOf(n, k);
    const own = this.#byShape.get(key);
    if (own) return own.read(m);
    let found = this.#neighbours.get(key);
    if (!found) this.#neighbours.set(key, (found = this.#nearest(n, k)));
    return this.#borrow(m, n, k, found);
  }

  /** What the other weight matrices say of a measured one, by m. */
  without(curve: GemmCurve): (m: number) => KernelTime {
    const others = this.#nearest(curve.n, curve.k, curve);
    return m => this.#borrow(m, curve.n, curve.k, others);
  }

  /** Distance from the roofline is much alike for matrices of like shape: its weighted geometric mean. */
  #borrow(m: number, n: number, k: number, { curves, weights, isFar }: Neighbours): KernelTime {
    let exponent = 0;
    let isOutside = isFar;
    for (let i = 0; i < curves.length; i++) {
      const curve = curves[i]!;
      const { seconds, tier } = curve.read(m);
      exponent += weights[i]! * Math.log(seconds / this.#roofline(m, curve.n, curve.k));
      isOutside ||= tier === 'extrapolated';
    }
    return {
      seconds: this.#roofline(m, n, k) * Math.exp(exponent),
      tier: isOutside ? 'extrapolated' : 'interpolated',
    };
  }

  /** By distance in log n and log k, weighted with its inverse square. */
  #nearest(n: number, k: number, except?: GemmCurve): Neighbours {
    const sorted: { readonly curve: GemmCurve; readonly distance: number }[] = [];
    const [logN, logK] = [Math.log2(n), Math.log2(k)];
    for (const [i, curve] of this.curves.entries()) {
      if (curve === except) continue;
      const distance = Math.sqrt((this.#logN[i]! - logN) ** 2 + (this.#logK[i]! - logK) ** 2);
      if (sorted.length === NEIGHBOURS && distance >= sorted.at(-1)!.distance) continue;
      const at = sorted.findLastIndex(other => other.distance <= distance) + 1;
      sorted.splice(at, 0, { curve, distance });
      if (sorted.length > NEIGHBOURS) sorted.pop();
    }
    const near = sorted.filter(({ distance }) => distance <= REACH);
    const isFar = near.length === 0;
    const chosen = isFar ? sorted.slice(0, 1) : near;
    const weights = chosen.map(({ distance }) => 1 / Math.max(distance, 1e-6) ** 2);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return {
      curves: chosen.map(({ curve }) => curve),
      weights: weights.map(weight => weight / total),
      isFar,
    };
  }
}

/** Above any side of a weight matrix. */
const SIDE = 2 ** 24;
const keyOf = (n: number, k: number) => n * SIDE + k;

/** Rows of one precision, or undefined when there are none. */
export function gemmTable(
  rows: TableRows,
  precision: GemmPrecision,
  gpu: Gpu,
  multiprocessors: number,
): GemmTable | undefined {
  const { codes, values } = rows.texts.get('gemm_dtype')!;
  const wanted = values.indexOf(precision);
  const [m, n, k, time] = ['m', 'n', 'k', 'latency'].map(name => rows.numbers.get(name)!);
  const points: [number, number, number, number][] = [];
  for (let i = 0; i < rows.length; i++) {
    if (codes[i] === wanted) points.push([m![i]!, n![i]!, k![i]!, time![i]! * 1e-3]);
  }
  return points.length > 0 ? new GemmTable(precision, points, gpu, multiprocessors) : undefined;
}
