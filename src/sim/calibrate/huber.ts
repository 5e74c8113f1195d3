/**
 * Residuals, in standard deviations, up to this count by their square, larger ones by their size: where the
 * simulation is wrong for another reason must not steer the fit (Huber 1964: 95 % as good on normal errors).
 */
const DELTA = 1.345;

/** Mean Huber loss of residuals. */
export function huberLoss(residuals: Float64Array): number {
  let sum = 0;
  for (const r of residuals) {
    const size = Math.abs(r);
    sum += size <= DELTA ? (size * size) / 2 : DELTA * (size - DELTA / 2);
  }
  return sum / residuals.length;
}

export interface LinearModel {
  /** Where all changes are 0. */
  readonly residuals: Float64Array;
  /** What a unit of each parameter adds to them. */
  readonly slopes: readonly Float64Array[];
  /**
   * The same, estimated from other simulations. Chance in one set of slopes would make them look more certain
   * than they are, and every change too small; the products of two sets that share none do not.
   */
  readonly others?: readonly Float64Array[];
  /** How often each counts. */
  readonly weights?: Float64Array;
  /** Bounds of the change of each parameter. */
  readonly min: readonly number[];
  readonly max: readonly number[];
}

/**
 * The changes of the parameters that make the Huber loss of a linear model least: iteratively reweighted
 * least squares, a parameter that would leave its bounds staying at them.
 */
export function solveHuber(model: LinearModel, iterations = 25): number[] {
  const { residuals, slopes, others = slopes, weights } = model;
  let change = slopes.map(() => 0);
  for (let iteration = 0; iteration < iterations; iteration++) {
    const normal = slopes.map(() => slopes.map(() => 0));
    const right = slopes.map(() => 0);
    for (let j = 0; j < residuals.length; j++) {
      const r = residuals[j]!;
      let now = r;
      for (let k = 0; k < slopes.length; k++) now += ((slopes[k]![j]! + others[k]![j]!) / 2) * change[k]!;
      const size = Math.abs(now);
      const weight = (size <= DELTA ? 1 : DELTA / size) * (weights ? weights[j]! : 1);
      for (let k = 0; k < slopes.length; k++) {
        const [one, other] = [(weight * slopes[k]![j]!) / 2, (weight * others[k]![j]!) / 2];
        right[k]! -= (one + other) * r;
        for (let l = 0; l <= k; l++) normal[k]![l]! += one * others[l]![j]! + other * slopes[l]![j]!;
      }
    }
    const next = solveBounded(normal, right, model.min, model.max);
    const moved = next.some((value, k) => Math.abs(value - change[k]!) > 1e-6 * Math.abs(value));
    change = next;
    if (!moved) break;
  }
  return change;
}

/** Solves the lower triangle of a symmetric system within bounds: what leaves them is fixed there, one at a time. */
function solveBounded(
  normal: readonly number[][],
  right: readonly number[],
  min: readonly number[],
  max: readonly number[],
): number[] {
  const at = (k: number, l: number) => (k >= l ? normal[k]![l]! : normal[l]![k]!);
  const fixed = new Map<number, number>();
  for (;;) {
    const free = right.map((_, k) => k).filter(k => !fixed.has(k));
    const matrix = free.map(k => free.map(l => at(k, l)));
    const vector = free.map(k => {
      let value = right[k]!;
      for (const [l, change] of fixed) value -= at(k, l) * change;
      return value;
    });
    const solution = solve(matrix, vector);
    let worst = -1;
    let excess = 0;
    for (const [i, k] of free.entries()) {
      const over =
        Math.max(min[k]! - solution[i]!, solution[i]! - max[k]!) * Math.sqrt(Math.max(0, at(k, k)));
      if (over > excess) [worst, excess] = [k, over];
    }
    if (worst < 0) {
      return right.map((_, k) => fixed.get(k) ?? solution[free.indexOf(k)]!);
    }
    const wanted = solution[free.indexOf(worst)]!;
    fixed.set(worst, wanted < min[worst]! ? min[worst]! : max[worst]!);
  }
}

/** Gaussian elimination with pivots; what nothing determines becomes 0. */
function solve(matrix: readonly (readonly number[])[], vector: readonly number[]): number[] {
  const n = vector.length;
  // Parameters differ by orders of magnitude: scaled to a diagonal of 1, singular means the same for all.
  const scale = matrix.map((row, k) => (row[k]! > 0 ? 1 / Math.sqrt(row[k]!) : 0));
  const a = matrix.map((row, k) => [
    ...row.map((value, l) => value * scale[k]! * scale[l]!),
    vector[k]! * scale[k]!,
  ]);
  const pivots: (number | undefined)[] = [];
  for (let k = 0; k < n; k++) {
    let best = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(a[i]![k]!) > Math.abs(a[best]![k]!)) best = i;
    [a[k], a[best]] = [a[best]!, a[k]!];
    pivots[k] = Math.abs(a[k]![k]!) > 1e-9 ? a[k]![k]! : undefined;
    if (pivots[k] === undefined) continue;
    for (let i = 0; i < n; i++) {
      if (i === k) continue;
      const factor = a[i]![k]! / pivots[k]!;
      for (let l = k; l <= n; l++) a[i]![l]! -= factor * a[k]![l]!;
    }
  }
  return scale.map((s, k) => (pivots[k] === undefined ? 0 : (a[k]![n]! / pivots[k]!) * s));
}
