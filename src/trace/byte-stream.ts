/** A file ended or said something that cannot be. */
export class DamagedError extends Error {
  override name = 'DamagedError';
}

/** Bytes that come one by one. */
export class ByteWriter {
  #bytes = new Uint8Array(65_536);
  length = 0;

  #room(count: number): void {
    if (this.length + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.length + count));
    larger.set(this.#bytes.subarray(0, this.length));
    this.#bytes = larger;
  }

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.length++] = value;
  }

  bytes(values: Uint8Array): void {
    this.#room(values.length);
    this.#bytes.set(values, this.length);
    this.length += values.length;
  }

  /** A whole number from 0 to 2⁵³ − 1, seven bits a byte. */
  unsigned(value: number): void {
    this.#room(8);
    let rest = value;
    // Beyond 32 bits there are no bit operations.
    while (rest >= 0x80) {
      this.#bytes[this.length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.length++] = rest;
  }

  /** A whole number of either sign: small ones take one byte. */
  signed(value: number): void {
    this.unsigned(value < 0 ? -2 * value - 1 : 2 * value);
  }

  take(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.length);
  }
}

/** Reads what a `ByteWriter` wrote. @throws DamagedError when there is no more, or no such number. */
export class ByteReader {
  readonly length: number;
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.length = bytes.length;
  }

  /** How many bytes were read. */
  get at(): number {
    return this.#at;
  }

  get left(): number {
    return this.length - this.#at;
  }

  byte(): number {
    if (this.left < 1) throw new DamagedError('it ends too early');
    return this.#bytes[this.#at++]!;
  }

  bytes(count: number): Uint8Array {
    if (this.left < count) throw new DamagedError('it ends too early');
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  unsigned(): number {
    // Nearly all numbers are of one byte.
    const first = this.#bytes[this.#at];
    if (first === undefined) throw new DamagedError('it ends too early');
    if (first < 0x80) {
      this.#at++;
      return first;
    }
    return this.#long();
  }

  #long(): number {
    let value = 0;
    let place = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.byte();
      value += (byte & 0x7f) * place;
      if (byte < 0x80) return value;
      place *= 0x80;
    }
    throw new DamagedError('a number has no end');
  }

  signed(): number {
    const value = this.unsigned();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** A number of entries that take a byte each at least: no more of them than bytes, so that a wrong one claims no memory. */
  count(): number {
    const count = this.unsigned();
    if (count > this.left) throw new DamagedError(`it counts ${count} entries in ${this.left} bytes`);
    return count;
  }
}
