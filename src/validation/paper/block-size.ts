import type { Tokens } from '../../core/units.ts';

/**
 * Tokens whose keys arrive in the time that a warp of the paged kernel waits for its next block: it reads
 * the block table, then the block, two dependent loads of about 0.5 µs on an A100. With 32 warps on each of
 * 108 multiprocessors a warp's share of 1,555 GB/s brings the key of a head (256 bytes) in 0.57 µs.
 */
const WAIT: Tokens = 2;

/**
 * How much longer the paged kernel reads KV in blocks of this size than in blocks of 16: one warp takes a
 * block at a time, so small ones leave the memory idle (vLLM paper §4.3, §7.2). 2.7 for 1, 1.1 for 8, 0.9 for 256.
 */
export function pagedRead(blockSize: Tokens): number {
  return (1 + WAIT / blockSize) / (1 + WAIT / 16);
}
