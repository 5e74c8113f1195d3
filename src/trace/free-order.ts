/**
 * Free blocks in the order in which a pool most likely hands them out: what is free longest comes first. A ring,
 * as the pool's own is, so that a block leaves its middle at once and the guess goes on behind it.
 */
export class FreeOrder {
  readonly #next: Int32Array;
  readonly #prev: Int32Array;
  readonly #free: Uint8Array;
  /** Closes the ring. */
  readonly #end: number;
  #at: number;

  constructor(numBlocks: number) {
    this.#end = numBlocks;
    this.#at = numBlocks;
    this.#next = Int32Array.from({ length: numBlocks + 1 }, (_, i) => (i === numBlocks ? 0 : i + 1));
    this.#prev = Int32Array.from({ length: numBlocks + 1 }, (_, i) => (i === 0 ? numBlocks : i - 1));
    this.#free = new Uint8Array(numBlocks).fill(1);
  }

  /** The block behind the one that was taken last; the number of blocks when there is none. */
  get next(): number {
    return this.#next[this.#at]!;
  }

  /** The next is again the one that is free longest. */
  rewind(): void {
    this.#at = this.#end;
  }

  take(block: number): void {
    if (this.#free[block] !== 1) return;
    this.#free[block] = 0;
    const [prev, next] = [this.#prev[block]!, this.#next[block]!];
    this.#next[prev] = next;
    this.#prev[next] = prev;
    this.#at = prev;
  }

  give(block: number): void {
    if (this.#free[block] !== 0) return;
    this.#free[block] = 1;
    const last = this.#prev[this.#end]!;
    this.#next[last] = block;
    this.#prev[block] = last;
    this.#next[block] = this.#end;
    this.#prev[this.#end] = block;
  }
}
