import type { Limits, MemoryChoice } from '../policies/policy.ts';
import type { Tokens } from '../units.ts';

/** Tokens of the longest single request that this kind of memory can hold with nothing else in it. */
export function longestRequest(
  choice: MemoryChoice,
  limits: Pick<Limits, 'blockSize'>,
  slots: Tokens,
): Tokens {
  const blocks = Math.floor(slots / limits.blockSize);
  // Growing copies all of it, unless one row is preallocated (TGI).
  if (choice.kind === 'padded') return choice.ragged ? slots : Math.floor(slots / 2);
  // A buddy run is a power of two, so more than the largest one in the arena can never be had.
  if (choice.kind === 'contiguous' && choice.allocator === 'buddy' && blocks > 0) {
    return 2 ** Math.floor(Math.log2(blocks)) * limits.blockSize;
  }
  return blocks * limits.blockSize;
}
