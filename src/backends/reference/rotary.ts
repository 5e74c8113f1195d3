import type { Rope } from '../model/config.ts';

/** Angular speed of each of the headDim / 2 pairs (RoFormer §3.2.2), Llama 3's slowing included. */
export function ropeFrequencies({ theta, scaling }: Rope, headDim: number): Float64Array {
  // By exp and log: V8 has changed the last digit of powers from version to version.
  const speeds = Float64Array.from({ length: headDim / 2 }, (_, i) =>
    Math.exp((-2 * i * Math.log(theta)) / headDim),
  );
  if (!scaling) return speeds;
  const { factor, lowFreqFactor, highFreqFactor, originalMaxPositionEmbeddings: length } = scaling;
  return speeds.map(speed => {
    const wavelength = (2 * Math.PI) / speed;
    if (wavelength < length / highFreqFactor) return speed;
    if (wavelength > length / lowFreqFactor) return speed / factor;
    const smooth = (length / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
    return (1 - smooth) * (speed / factor) + smooth * speed;
  });
}

/** Turns heads by their token's position; pairs are (i, i + headDim / 2), as Hugging Face has them. */
export class Rotation {
  readonly #half: number;
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;

  /** @param positions [T] */
  constructor(positions: Int32Array, frequencies: Float64Array) {
    this.#half = frequencies.length;
    const angles = new Float64Array(positions.length * this.#half);
    for (let t = 0; t < positions.length; t++) {
      for (let i = 0; i < this.#half; i++) angles[t * this.#half + i] = positions[t]! * frequencies[i]!;
    }
    this.#cos = angles.map(Math.cos);
    this.#sin = angles.map(Math.sin);
  }

  /** @param vectors [T, heads, headDim], in place. */
  turn(vectors: Float32Array, heads: number): void {
    const half = this.#half;
    for (let at = 0, vector = 0; at < vectors.length; at += 2 * half, vector++) {
      const token = Math.floor(vector / heads);
      for (let i = 0; i < half; i++) {
        const cos = this.#cos[token * half + i]!;
        const sin = this.#sin[token * half + i]!;
        const a = vectors[at + i]!;
        const b = vectors[at + half + i]!;
        vectors[at + i] = a * cos - b * sin;
        vectors[at + half + i] = b * cos + a * sin;
      }
    }
  }
}
