import type { Linear } from './model.ts';

/*
 * The operations of a decoder layer, written to be read: stored in f32, summed in f64, in an order that depends
 * on nothing but the shapes, so that a token's result is the same to the last bit whatever it is batched with.
 */

/** [T, in] → [T, out]. */
export function linear(input: Float32Array, { weight, bias, out }: Linear): Float32Array {
  const size = weight.length / out;
  const tokens = input.length / size;
  const result = new Float32Array(tokens * out);
  for (let o = 0; o < out; o++) {
    for (let t = 0; t < tokens; t++) {
      const sum = dot(weight, o * size, input, t * size, size);
      result[t * out + o] = bias ? sum + bias[o]! : sum;
    }
  }
  return result;
}

export function dot(a: Float32Array, atA: number, b: Float32Array, atB: number, size: number): number {
  let sum = 0;
  for (let i = 0; i < size; i++) sum += a[atA + i]! * b[atB + i]!;
  return sum;
}

/** Each group of `weight.length` values by its own root mean square: a token's, or a head's. */
export function rmsNorm(input: Float32Array, weight: Float32Array, eps: number): Float32Array {
  const size = weight.length;
  const result = new Float32Array(input.length);
  for (let at = 0; at < input.length; at += size) {
    const scale = 1 / Math.sqrt(dot(input, at, input, at, size) / size + eps);
    for (let i = 0; i < size; i++) result[at + i] = input[at + i]! * scale * weight[i]!;
  }
  return result;
}

/** silu(gate) · up */
export function swiGlu(gate: Float32Array, up: Float32Array): Float32Array {
  return gate.map((x, i) => (x / (1 + Math.exp(-x))) * up[i]!);
}

/** The residual connection, in place. */
export function add(to: Float32Array, what: Float32Array): void {
  for (let i = 0; i < to.length; i++) to[i]! += what[i]!;
}

/** Row `rows[i]` of a matrix of rows of `size` values. */
export function gather(matrix: Float32Array, rows: ArrayLike<number>, size: number): Float32Array {
  const result = new Float32Array(rows.length * size);
  for (let i = 0; i < rows.length; i++) {
    result.set(matrix.subarray(rows[i]! * size, (rows[i]! + 1) * size), i * size);
  }
  return result;
}
