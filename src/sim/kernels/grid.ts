import type { Tier } from './kernel-tables.ts';

/** Two neighbours on an axis and the weight of the upper one; outside 0 … 1 beyond the ends. */
export interface Bracket {
  lower: number;
  upper: number;
  weight: number;
}

/** Where x lies among ascending values: an exact hit has weight 0, and one value stands alone. */
export function bracket(axis: ArrayLike<number>, x: number): Bracket {
  const last = axis.length - 1;
  if (last === 0) return { lower: 0, upper: 0, weight: 0 };
  let low = 0;
  let high = last;
  // The last value that is not above x.
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (axis[middle]! <= x) low = middle;
    else high = middle - 1;
  }
  if (axis[low] === x) return { lower: low, upper: low, weight: 0 };
  if (low === last) low = last - 1;
  return { lower: low, upper: low + 1, weight: (x - axis[low]!) / (axis[low + 1]! - axis[low]!) };
}

/** @returns how a value between (or beyond) these neighbours came about. */
export function tierOf({ weight }: Bracket): Tier {
  if (weight === 0) return 'measured';
  return weight > 0 && weight < 1 ? 'interpolated' : 'extrapolated';
}

const order = ['measured', 'interpolated', 'extrapolated'] as const satisfies readonly Tier[];

/** The less certain of two. */
export function worse(a: Tier, b: Tier): Tier {
  return order.indexOf(a) > order.indexOf(b) ? a : b;
}

/** A curve of measured points, read linearly between them. */
export class Line {
  readonly #x: Float64Array;
  readonly #y: Float64Array;

  /** @param points in any order; of equal x the last counts. */
  constructor(points: readonly (readonly [x: number, y: number])[]) {
    const sorted = [...new Map(points)].sort((a, b) => a[0] - b[0]);
    this.#x = Float64Array.from(sorted, point => point[0]);
    this.#y = Float64Array.from(sorted, point => point[1]);
  }

  /** Beyond the last point the last two go on; below the first its value holds: a kernel has a floor. */
  read(x: number): { value: number; tier: Tier } {
    const at = bracket(this.#x, x);
    const tier = tierOf(at);
    const weight = Math.max(0, at.weight);
    const value = this.#y[at.lower]! * (1 - weight) + this.#y[at.upper]! * weight;
    return { value, tier };
  }
}
