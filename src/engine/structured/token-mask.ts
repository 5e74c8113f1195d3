/** A bit for each token id; ids beyond it are not in it. */
export type TokenMask = Uint32Array;

export function hasToken(mask: TokenMask, token: number): boolean {
  return ((mask[token >>> 5]! >>> (token & 31)) & 1) === 1;
}

export function addToken(mask: TokenMask, token: number): void {
  mask[token >>> 5]! |= 1 << (token & 31);
}

/** @param chance a whole number: which of those that are in both. @returns undefined when none is. */
export function tokenBy(chance: number, mask: TokenMask, other: TokenMask = mask): number | undefined {
  let count = 0;
  for (let i = 0; i < mask.length; i++) count += ones(mask[i]! & (other[i] ?? 0));
  if (count === 0) return undefined;
  let left = chance % count;
  let word = 0;
  for (; ; word++) {
    const here = ones(mask[word]! & (other[word] ?? 0));
    if (left < here) break;
    left -= here;
  }
  let bits = mask[word]! & (other[word] ?? 0);
  for (; left > 0; left--) bits &= bits - 1;
  return word * 32 + 31 - Math.clz32(bits & -bits);
}

/** Set bits of a word (Warren, "Hacker's Delight", 5-1). */
function ones(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
