/** A set of bytes, as 8 words of 32 bits. */
export type ByteSet = Uint32Array;

/** @param ranges inclusive. */
export function bytesIn(...ranges: readonly (readonly [first: number, last: number])[]): ByteSet {
  const set = new Uint32Array(8);
  for (const [first, last] of ranges) {
    for (let byte = first; byte <= last; byte++) addByte(set, byte);
  }
  return set;
}

export function addByte(set: ByteSet, byte: number): void {
  set[byte >>> 5]! |= 1 << (byte & 31);
}

export function hasByte(set: ByteSet, byte: number): boolean {
  return ((set[byte >>> 5]! >>> (byte & 31)) & 1) === 1;
}

/** The same text for the same bytes; empty for none. */
export function keyOf(set: ByteSet): string {
  return set.some(word => word !== 0) ? set.join() : '';
}
