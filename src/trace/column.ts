type Numbers = Float64Array | Float32Array | Int32Array | Uint16Array | Uint8Array;

/** Numbers that come one by one, kept as they will be handed out. */
export class Column<A extends Numbers> {
  #values: A;
  readonly #make: new (
    length: number,
  ) => A;
  length = 0;

  constructor(make: new (length: number) => A) {
    this.#make = make;
    this.#values = new make(1024);
  }

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new this.#make(this.length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length++] = value;
  }

  at(index: number): number {
    return this.#values[index]!;
  }

  set(index: number, value: number): void {
    this.#values[index] = value;
  }

  add(index: number, value: number): void {
    this.#values[index]! += value;
  }

  /** What came so far, in a buffer of its own, so that it can be sent to another thread. */
  take(): A {
    return this.#values.slice(0, this.length) as A;
  }
}
