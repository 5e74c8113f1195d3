/** What kernels must compute, written plainly, in f64. */

export function naiveLinear(
  x: ArrayLike<number>,
  weights: ArrayLike<number>,
  rows: number,
  outputs: number,
  inputs: number,
  bias?: ArrayLike<number>,
): Float64Array {
  const y = new Float64Array(rows * outputs);
  for (let m = 0; m < rows; m++) {
    for (let n = 0; n < outputs; n++) {
      let sum = bias?.[n] ?? 0;
      for (let k = 0; k < inputs; k++) sum += x[m * inputs + k]! * weights[n * inputs + k]!;
      y[m * outputs + n] = sum;
    }
  }
  return y;
}

/** silu(even columns) · odd columns. */
export function naiveSwiglu(y: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: y.length / 2 }, (_, i) => {
    const gate = y[2 * i]!;
    return (gate / (1 + Math.exp(-gate))) * y[2 * i + 1]!;
  });
}

export function naiveRmsNorm(x: ArrayLike<number>, weights: ArrayLike<number>, eps: number): Float64Array {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i]! ** 2;
  const scale = 1 / Math.sqrt(sum / x.length + eps);
  return Float64Array.from(x, (value, i) => value * scale * weights[i]!);
}

/** Attention of one query over keys and values [position][dimension], of the positions from `start` on. */
export function naiveAttention(
  query: ArrayLike<number>,
  keys: readonly ArrayLike<number>[],
  values: readonly ArrayLike<number>[],
  start: number,
): Float64Array {
  const dim = query.length;
  const scores = keys.map((key, position) => {
    if (position < start) return Number.NEGATIVE_INFINITY;
    let dot = 0;
    for (let i = 0; i < dim; i++) dot += query[i]! * key[i]!;
    return dot / Math.sqrt(dim);
  });
  const most = Math.max(...scores);
  const weights = scores.map(score => Math.exp(score - most));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const out = new Float64Array(dim);
  for (const [position, weight] of weights.entries()) {
    if (weight === 0) continue;
    for (let i = 0; i < dim; i++) out[i]! += (weight / total) * values[position]![i]!;
  }
  return out;
}

/** Largest difference, as a share of the largest value. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let most = 0;
  let error = 0;
  for (let i = 0; i < expected.length; i++) {
    most = Math.max(most, Math.abs(expected[i]!));
    const difference = Math.abs(actual[i]! - expected[i]!);
    error = Math.max(error, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
  }
  return error / Math.max(most, 1e-30);
}

/** Numbers in [−1, 1), the same for the same seed. */
export function noise(seed: number, count: number): Float32Array {
  let state = seed | 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 8) / 2 ** 23 - 1;
  });
}
