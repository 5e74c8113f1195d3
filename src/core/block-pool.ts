import { invariant } from './invariant.ts';
import type { BlockId } from './units.ts';

/**
 * Physical KV blocks: reference counts and the free list.
 *
 * The free list is intrusive and doubly linked (vLLM's FreeKVCacheBlockQueue): head = next to be handed
 * out, O(1) at both ends and in the middle. A block is in it exactly when its count is 0, whether or not
 * it still holds a cached prefix; the cached content is given up only when the block is popped (lazy eviction).
 */
export class BlockPool {
  readonly size: number;
  readonly refs: Int32Array;
  #free: number;
  // Index `size` is the sentinel that closes the ring.
  readonly #prev: Int32Array;
  readonly #next: Int32Array;

  constructor(size: number) {
    invariant(Number.isInteger(size) && size > 0, () => `block pool of ${size} blocks`);
    this.size = size;
    this.refs = new Int32Array(size);
    this.#prev = new Int32Array(size + 1);
    this.#next = new Int32Array(size + 1);
    for (let i = 0; i <= size; i++) {
      this.#prev[i] = i === 0 ? size : i - 1;
      this.#next[i] = i === size ? 0 : i + 1;
    }
    this.#free = size;
  }

  get free(): number {
    return this.#free;
  }

  get used(): number {
    return this.size - this.#free;
  }

  /** Takes the head of the free list, with one reference. The caller has checked that there is one. */
  pop(): BlockId {
    const block = this.#next[this.size]!;
    invariant(block !== this.size, () => 'pop from an empty block pool');
    this.#unlink(block);
    this.refs[block] = 1;
    return block;
  }

  /** One more reference; a free (cached) block leaves the free list. */
  touch(block: BlockId): void {
    if (this.refs[block]! === 0) this.#unlink(block);
    this.refs[block]!++;
  }

  /** One reference less; true when that was the last, and the block went to the given end of the free list. */
  release(block: BlockId, end: 'back' | 'front'): boolean {
    const refs = this.refs[block]! - 1;
    invariant(refs >= 0, () => `block ${block} freed twice`);
    this.refs[block] = refs;
    if (refs > 0) return false;
    const sentinel = this.size;
    const before = end === 'back' ? this.#prev[sentinel]! : sentinel;
    const after = this.#next[before]!;
    this.#next[before] = block;
    this.#prev[block] = before;
    this.#next[block] = after;
    this.#prev[after] = block;
    this.#free++;
    return true;
  }

  /** Free blocks, next to be handed out first. */
  *freeList(): Generator<BlockId> {
    for (let b = this.#next[this.size]!; b !== this.size; b = this.#next[b]!) yield b;
  }

  #unlink(block: BlockId): void {
    const prev = this.#prev[block]!;
    const next = this.#next[block]!;
    this.#next[prev] = next;
    this.#prev[next] = prev;
    this.#free--;
  }

  checkIntegrity(): void {
    let count = 0;
    let previous = this.size;
    for (const block of this.freeList()) {
      invariant(
        this.refs[block] === 0,
        () => `block ${block} is free but has ${this.refs[block]} references`,
      );
      invariant(this.#prev[block] === previous, () => `free list is broken before block ${block}`);
      invariant(++count <= this.size, () => 'free list has a cycle');
      previous = block;
    }
    invariant(this.#prev[this.size] === previous, () => 'free list does not close');
    invariant(count === this.#free, () => `free list holds ${count} blocks, counter says ${this.#free}`);
    let unreferenced = 0;
    for (const refs of this.refs) if (refs === 0) unreferenced++;
    invariant(unreferenced === count, () => `${unreferenced} unreferenced blocks, ${count} in the free list`);
  }
}
