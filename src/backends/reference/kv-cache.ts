import type { Tokens } from '../../core/units.ts';
import type { ModelConfig } from '../model/config.ts';

/** Keys and values of one layer in blocks: [block][kvHead][offset][headDim]. */
export class LayerKv {
  readonly keys: Float32Array;
  readonly values: Float32Array;
  readonly #kvHeads: number;
  readonly #headDim: number;
  readonly #blockSize: Tokens;

  constructor({ kvHeads, headDim }: ModelConfig, numBlocks: number, blockSize: Tokens) {
    this.#kvHeads = kvHeads;
    this.#headDim = headDim;
    this.#blockSize = blockSize;
    this.keys = new Float32Array(numBlocks * kvHeads * blockSize * headDim);
    this.values = new Float32Array(this.keys.length);
  }

  /** Where a slot's vector of a head begins; a slot is block · block size + offset. */
  at(slot: number, kvHead: number): number {
    const offset = slot % this.#blockSize;
    const block = (slot - offset) / this.#blockSize;
    return ((block * this.#kvHeads + kvHead) * this.#blockSize + offset) * this.#headDim;
  }

  /** @param keys, values [T, kvHeads, headDim] */
  store(slots: Int32Array, keys: Float32Array, values: Float32Array): void {
    const size = this.#headDim;
    for (let t = 0; t < slots.length; t++) {
      for (let head = 0; head < this.#kvHeads; head++) {
        const from = (t * this.#kvHeads + head) * size;
        const to = this.at(slots[t]!, head);
        this.keys.set(keys.subarray(from, from + size), to);
        this.values.set(values.subarray(from, from + size), to);
      }
    }
  }

  /** @param copies whole blocks: from, to, from, to …, in this order. */
  copy(copies: Int32Array): void {
    const size = this.#kvHeads * this.#blockSize * this.#headDim;
    for (let i = 0; i < copies.length; i += 2) {
      const from = copies[i]! * size;
      this.keys.copyWithin(copies[i + 1]! * size, from, from + size);
      this.values.copyWithin(copies[i + 1]! * size, from, from + size);
    }
  }
}
