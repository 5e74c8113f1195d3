/**
 * Gumbel-max: the token with the largest logit / T + g, where g is Gumbel noise of its own, is a draw from
 * softmax(logit / T). The noise is a hash of (seed, step, token), so neither the batch nor the order of
 * evaluation matters, and a GPU draws without a sum, a sort or a state. The WGSL of the GPU computes the same
 * bits of the hash, and the same noise up to the rounding of f32.
 */

/** What the noise of one draw hangs on, hashed down to two words. */
export interface NoiseKey {
  readonly a: number;
  readonly b: number;
}

/** PCG output hash on 32 bits (Jarzynski and Olano, "Hash functions for GPU rendering", 2020). */
export function pcg(value: number): number {
  const state = (Math.imul(value, 747796405) + 2891336453) | 0;
  const word = Math.imul((state >>> ((state >>> 28) + 4)) ^ state, 277803737);
  return ((word >>> 22) ^ word) >>> 0;
}

/** @param seed a whole number; @param step which output token of its sequence is drawn. */
export function noiseKey(seed: number, step: number): NoiseKey {
  const low = seed | 0;
  const high = Math.floor(seed / 2 ** 32) | 0;
  return {
    a: pcg(pcg(pcg(low) + high) + step),
    b: pcg(pcg(pcg(step ^ 0x9e3779b9) + low) + high),
  };
}

/**
 * Noise of one token. v is uniform on the 2²³ midpoints of (0, 1), exact in f32; g = −log(−log(1 − v)).
 * The largest noises, which decide draws, come from the smallest v: log1p keeps their digits.
 */
export function gumbel(key: NoiseKey, token: number): number {
  return noiseOf(noiseHash(key, token));
}

/** The 32 bits that the noise of a token is made of. */
export function noiseHash(key: NoiseKey, token: number): number {
  return pcg(pcg(token ^ key.a) ^ key.b);
}

export function noiseOf(hash: number): number {
  const v = ((hash >>> 9) + 0.5) * 2 ** -23;
  return -Math.log(-Math.log1p(-v));
}

/** No less than `noiseOf`, without a logarithm: g ≤ −log v, and v ≥ 2^−(1 + leading zeros). */
export function noiseBound(hash: number): number {
  return (Math.clz32(hash) + 1) * Math.LN2;
}
