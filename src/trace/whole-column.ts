/** Whole numbers from 0 on, in as few bytes each as the largest of them takes. */
export type Wholes = Uint8Array | Uint16Array | Int32Array;

/** A column of which the largest number is not known before it is filled. */
export class WholeColumn {
  #values: Wholes;
  #most: number;

  /** @param expected the largest number, as far as is known. */
  constructor(length: number, expected: number) {
    [this.#values, this.#most] = wholes(length, expected);
  }

  set(index: number, value: number): void {
    // Below 0 is what no column holds; the widest keeps it as it is, for others to refuse.
    if (value > this.#most || value < 0) this.#widen(value);
    this.#values[index] = value;
  }

  #widen(value: number): void {
    const narrow = this.#values;
    if (narrow instanceof Int32Array) return;
    [this.#values, this.#most] = wholes(narrow.length, value < 0 ? Number.POSITIVE_INFINITY : value);
    this.#values.set(narrow);
  }

  take(): Wholes {
    return this.#values;
  }
}

function wholes(length: number, largest: number): [Wholes, number] {
  if (largest <= 0xff) return [new Uint8Array(length), 0xff];
  if (largest <= 0xffff) return [new Uint16Array(length), 0xffff];
  return [new Int32Array(length), 0x7fffffff];
}
