import { BlockPool } from '../block-pool.ts';
import { invariant } from '../invariant.ts';
import { NO_NODE, type PrefixCache } from '../prefix-cache.ts';
import type { BlockId, Tokens } from '../units.ts';

/**
 * Where freed blocks go: all to the back of the free list (`lru`, vLLM ≤ 0.23), or those without a cached prefix to
 * the front, to be reused first (`uncached-first`, vLLM ≥ 0.24).
 */
export type FreeOrder = 'lru' | 'uncached-first';

/** The blocks of a paged memory: how far each is filled, and whether what it holds can be found when nobody holds it. */
export class KvBlocks {
  readonly blockSize: Tokens;
  readonly pool: BlockPool;
  readonly cache: PrefixCache | undefined;
  /** Slots of each block that hold KV. */
  readonly filled: Int32Array;
  /** Blocks without a cached prefix are reused first. */
  readonly #uncachedFirst: boolean;
  readonly #evicted: (block: BlockId) => void;
  #tokenSlots = 0;
  #cachedSlots = 0;

  /** @param evicted hears of cached blocks that are taken. */
  constructor(
    count: number,
    blockSize: Tokens,
    cache: PrefixCache | undefined,
    freeOrder: FreeOrder | undefined,
    evicted: (block: BlockId) => void,
  ) {
    this.blockSize = blockSize;
    this.pool = new BlockPool(count);
    this.cache = cache;
    this.filled = new Int32Array(count);
    this.#uncachedFirst = cache !== undefined && freeOrder !== 'lru';
    this.#evicted = evicted;
  }

  /** Slots with KV in blocks that are held; blocks that are shared count once. */
  get tokenSlots(): Tokens {
    return this.#tokenSlots;
  }

  /** Slots with KV in blocks that nobody holds, and a lookup finds. */
  get cachedSlots(): Tokens {
    return this.#cachedSlots;
  }

  isCached(block: BlockId): boolean {
    return this.cache !== undefined && this.cache.nodeOf(block) !== NO_NODE;
  }

  /** The next free block, empty; what was cached in it is lost. */
  take(): BlockId {
    const block = this.pool.pop();
    if (this.isCached(block)) {
      this.cache!.forget(block);
      this.#cachedSlots -= this.blockSize;
      this.#evicted(block);
    }
    this.filled[block] = 0;
    return block;
  }

  /** One more table holds this block, or the first after it was only cached. */
  share(block: BlockId): void {
    if (this.pool.refs[block] === 0) {
      this.#cachedSlots -= this.blockSize;
      this.#tokenSlots += this.blockSize;
    }
    this.pool.touch(block);
  }

  /** The first `tokens` slots of a block hold KV. */
  fill(block: BlockId, tokens: Tokens): void {
    const more = tokens - this.filled[block]!;
    if (more <= 0) return;
    this.#tokenSlots += more;
    this.filled[block] = tokens;
  }

  /** As many blocks got one token each; which, `settle` says of each later. */
  fillTogether(count: number): void {
    this.#tokenSlots += count;
  }

  /** A block's slots that are counted already. */
  settle(block: BlockId, tokens: Tokens): void {
    this.filled[block] = tokens;
  }

  release(block: BlockId, end: 'back' | 'front' = 'back'): void {
    if (!this.pool.release(block, end)) return;
    this.#tokenSlots -= this.filled[block]!;
    if (this.isCached(block)) {
      invariant(this.filled[block] === this.blockSize, () => `block ${block} is cached, but not full`);
      this.#cachedSlots += this.blockSize;
    } else this.filled[block] = 0;
  }

  /**
   * Gives back blocks `from … to − 1` of a table, tail first, so that within one request the head of the prefix
   * outlives the tail. Those without a cached prefix may go to the front, in that order too.
   */
  releaseRange(table: readonly BlockId[], from: number, to: number): void {
    const uncached: BlockId[] = [];
    for (let i = to - 1; i >= from; i--) {
      const block = table[i]!;
      if (this.#uncachedFirst && !this.isCached(block)) uncached.push(block);
      else this.release(block);
    }
    for (let i = uncached.length - 1; i >= 0; i--) this.release(uncached[i]!, 'front');
  }

  /** Nothing that nobody holds is found again. */
  forget(): void {
    for (const block of this.pool.freeList()) this.cache?.forget(block);
    this.#cachedSlots = 0;
  }
}
