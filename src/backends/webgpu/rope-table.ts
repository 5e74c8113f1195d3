import type { ModelConfig } from '../model/config.ts';
import { ropeFrequencies } from '../reference/rotary.ts';

/** [maxModelLen, headDim / 2] pairs of cosine and sine, computed in f64. */
export function ropeTable({
  rope,
  headDim,
  maxModelLen,
}: Pick<ModelConfig, 'rope' | 'headDim' | 'maxModelLen'>): Float32Array<ArrayBuffer> {
  const frequencies = ropeFrequencies(rope, headDim);
  const table = new Float32Array(maxModelLen * headDim);
  let at = 0;
  for (let position = 0; position < maxModelLen; position++) {
    for (const frequency of frequencies) {
      table[at++] = Math.cos(position * frequency);
      table[at++] = Math.sin(position * frequency);
    }
  }
  return table;
}
