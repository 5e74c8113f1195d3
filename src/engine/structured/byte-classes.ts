import { type ByteSet, hasByte } from './byte-set.ts';

/** Bytes that no expression tells apart, so that what follows one of them is found for all at once. */
export interface ByteClasses {
  /** [256] The class of each byte, from 0 on. */
  readonly of: Uint8Array;
  /** A byte of each class, one that can be read where there is one. */
  readonly members: readonly number[];
}

/** @param sets all that are asked for as a whole. @param single bytes that are asked for alone. */
export function byteClasses(sets: Iterable<ByteSet>, single: ByteSet): ByteClasses {
  let classes = new Array<number>(256).fill(0);
  let count = 1;
  const split = (sideOf: (byte: number) => number) => {
    const ids = new Map<number, number>();
    classes = classes.map((before, byte) => {
      const key = before * 257 + sideOf(byte);
      let id = ids.get(key);
      if (id === undefined) ids.set(key, (id = ids.size));
      return id;
    });
    count = ids.size;
  };
  split(byte => (hasByte(single, byte) ? byte + 1 : 0));
  for (const set of sets) {
    if (count === 256) break;
    split(byte => (hasByte(set, byte) ? 1 : 0));
  }
  const members = new Array<number>(count).fill(-1);
  for (let i = 0; i < 256; i++) {
    const byte = (i + 0x20) & 0xff;
    if (members[classes[byte]!]! < 0) members[classes[byte]!] = byte;
  }
  return { of: Uint8Array.from(classes), members };
}

/** Whether a set tells bytes of one class apart. */
export function splits(set: ByteSet, { of, members }: ByteClasses): boolean {
  return of.some((id, byte) => hasByte(set, byte) !== hasByte(set, members[id]!));
}
