import { type ByteReader, type ByteWriter, DamagedError } from './byte-stream.ts';
import { WholeColumn, type Wholes } from './whole-column.ts';

/**
 * How columns become bytes: each number as its difference from a guess that the reader can make as well. Good guesses
 * leave long runs of one byte, which gzip makes vanish. Readers fill columns of a length that is known.
 */
export type Whole = Int32Array | Float64Array;

/** The guess is the number before. */
export function writeDeltas(out: ByteWriter, column: ArrayLike<number>): void {
  let before = 0;
  for (let i = 0; i < column.length; i++) {
    out.signed(column[i]! - before);
    before = column[i]!;
  }
}

export function readDeltas<A extends Whole>(input: ByteReader, column: A): A {
  let before = 0;
  for (let i = 0; i < column.length; i++) column[i] = before += input.signed();
  return column;
}

/** Where lists begin, from 0 on: their lengths. */
export function writeStarts(out: ByteWriter, start: Int32Array): void {
  for (let i = 1; i < start.length; i++) out.unsigned(start[i]! - start[i - 1]!);
}

export function readStarts(input: ByteReader, lists: number, entries: number): Int32Array {
  const start = new Int32Array(lists + 1);
  for (let i = 0; i < lists; i++) start[i + 1] = start[i]! + input.unsigned();
  if (start[lists] !== entries)
    throw new DamagedError(`its lists hold ${start[lists]} entries, not ${entries}`);
  return start;
}

/** The guess is what followed last time: requests run, and blocks fill, in the same order step after step. */
export function writeFollowers(out: ByteWriter, column: Int32Array, domain: number): void {
  const follower = new Int32Array(domain);
  let before = 0;
  for (const value of column) {
    out.signed(value - follower[before]!);
    follower[before] = value;
    before = value;
  }
}

export function readFollowers(input: ByteReader, column: Int32Array, domain: number): Int32Array {
  const follower = new Int32Array(domain);
  let before = 0;
  for (let i = 0; i < column.length; i++) {
    const value = follower[before]! + input.signed();
    if (!(value >= 0 && value < domain)) throw new DamagedError(`it names ${value} of ${domain}`);
    column[i] = follower[before] = value;
    before = value;
  }
  return column;
}

/** The guess is the last number of the same key. */
export function writeByKey(
  out: ByteWriter,
  column: ArrayLike<number>,
  keys: Int32Array,
  domain: number,
): void {
  const last = new Float64Array(domain);
  for (let i = 0; i < column.length; i++) {
    out.signed(column[i]! - last[keys[i]!]!);
    last[keys[i]!] = column[i]!;
  }
}

/** @param expected the largest number, as far as is known. */
export function readByKey(input: ByteReader, keys: Int32Array, domain: number, expected: number): Wholes {
  const column = new WholeColumn(keys.length, expected);
  const last = new Float64Array(domain);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    const value = last[key]! + input.signed();
    last[key] = value;
    column.set(i, value);
  }
  return column.take();
}

type Floats = Float64Array<ArrayBuffer> | Float32Array<ArrayBuffer>;

/** Byte by byte of all numbers: signs and exponents side by side, which are alike; digits are what they are. */
export function writeFloats(out: ByteWriter, column: Float64Array | Float32Array): void {
  const view = new DataView(new ArrayBuffer(column.byteLength));
  const size = column.BYTES_PER_ELEMENT;
  for (let i = 0; i < column.length; i++) {
    if (size === 8) view.setFloat64(i * 8, column[i]!);
    else view.setFloat32(i * 4, column[i]!);
  }
  for (let place = 0; place < size; place++) {
    for (let i = 0; i < column.length; i++) out.byte(view.getUint8(i * size + place));
  }
}

export function readFloats<A extends Floats>(input: ByteReader, column: A): A {
  const size = column.BYTES_PER_ELEMENT;
  const { length } = column;
  const bytes = input.bytes(length * size);
  const view = new DataView(column.buffer, column.byteOffset, column.byteLength);
  for (let i = 0; i < length; i++) {
    // Written with the highest byte first, whatever this machine does.
    for (let place = 0; place < size; place++) view.setUint8(i * size + place, bytes[place * length + i]!);
    column[i] = size === 8 ? view.getFloat64(i * 8) : view.getFloat32(i * 4);
  }
  return column;
}

/** A guess for an entry by its number, from 0 on; undefined: there are no more. */
export type Guess = (i: number, number: number) => number | undefined;

/** Times of which most are known from elsewhere: one of the guesses, by its number, or else written out. */
export function writeGuessed(out: ByteWriter, column: ArrayLike<number>, guess: Guess): void {
  const others: number[] = [];
  for (let i = 0; i < column.length; i++) {
    let number = 0;
    let value = guess(i, number);
    while (value !== undefined && !Object.is(value, column[i])) value = guess(i, ++number);
    out.byte(value === undefined ? 0 : number + 1);
    if (value === undefined) others.push(column[i]!);
  }
  writeFloats(out, Float64Array.from(others));
}

export function readGuessed(input: ByteReader, column: Float64Array, guess: Guess): Float64Array {
  const chosen = input.bytes(column.length);
  let written = 0;
  for (const number of chosen) if (number === 0) written++;
  const others = readFloats(input, new Float64Array(written));
  let other = 0;
  for (let i = 0; i < column.length; i++) {
    const value = chosen[i] === 0 ? others[other++] : guess(i, chosen[i]! - 1);
    if (value === undefined) throw new DamagedError('a time is missing');
    column[i] = value;
  }
  return column;
}

/** What is looked up by these numbers must be there. */
export function within<A extends Wholes>(column: A, from: number, to: number): A {
  for (const value of column) {
    if (value < from || value >= to) throw new DamagedError(`it names ${value} of ${to}`);
  }
  return column;
}
