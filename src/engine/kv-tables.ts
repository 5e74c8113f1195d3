import { BlockPool } from '../core/block-pool.ts';
import { UsageError } from '../core/errors.ts';
import { invariant } from '../core/invariant.ts';
import { type KvMemory, NULL_BLOCK } from '../core/kv-memory.ts';
import type { Request, Sequence } from '../core/request.ts';
import type { BlockId, Tokens } from '../core/units.ts';

/** Where a runner's blocks hold the KV of a sequence. */
export interface KvTables {
  /** A block of the core's is this many of the runner's. */
  readonly factor: number;
  /** Called before the tables of a step are asked for. @param running all requests that hold memory. */
  settle(running: readonly Request[]): void;
  /** Whether the sequence has memory at all; one that has ended may have lost it. */
  has(seq: Sequence): boolean;
  /** Writes the runner's blocks of the sequence's first `length` tokens to `out`, from `at` on. */
  write(seq: Sequence, length: Tokens, out: Int32Array, at: number): void;
}

/**
 * The tables for a kind of memory on a runner.
 * @throws UsageError when the core's blocks are not whole multiples of the runner's.
 */
export function kvTables(memory: KvMemory, runner: { blockSize: Tokens; numBlocks: number }): KvTables {
  if (memory.kind === 'padded') return new RowTables(runner.blockSize, runner.numBlocks);
  const factor = memory.blockSize / runner.blockSize;
  if (!Number.isInteger(factor)) {
    throw new UsageError(
      `KV blocks of ${memory.blockSize} tokens cannot be laid over the backend's blocks of ${runner.blockSize}: ` +
        `use a block size that ${runner.blockSize} divides`,
    );
  }
  const held = memory.capacity / runner.blockSize;
  invariant(held <= runner.numBlocks, () => `${held} KV blocks planned, the backend has ${runner.numBlocks}`);
  return new MemoryTables(memory, factor);
}

/** Paged tables, and reservations: a run of consecutive blocks is a block table, too. */
class MemoryTables implements KvTables {
  readonly factor: number;
  readonly #memory: KvMemory;

  constructor(memory: KvMemory, factor: number) {
    this.#memory = memory;
    this.factor = factor;
  }

  settle(): void {
    // The core's tables are always those of the step being planned.
  }

  has(seq: Sequence): boolean {
    return this.#memory.table(seq).length > 0;
  }

  write(seq: Sequence, length: Tokens, out: Int32Array, at: number): void {
    const table = this.#memory.table(seq);
    const { factor } = this;
    const count = Math.ceil((length * factor) / this.#memory.blockSize);
    for (let i = 0; i < count; i++) {
      const block = table[Math.floor(i / factor)]!;
      out[at + i] = block === NULL_BLOCK ? NULL_BLOCK : block * factor + (i % factor);
    }
  }
}

/**
 * Padded tensors move at every step and have no blocks. Their rows are given real ones here, as they grow: the
 * core's count decides who enters (it counts pads and the copy, two slots a token), so these never run out as
 * long as there are at most half as many rows as blocks.
 */
class RowTables implements KvTables {
  readonly factor = 1;
  readonly #blockSize: Tokens;
  readonly #pool: BlockPool;
  readonly #rows = new Map<Sequence, BlockId[]>();

  constructor(blockSize: Tokens, numBlocks: number) {
    this.#blockSize = blockSize;
    this.#pool = new BlockPool(numBlocks);
  }

  settle(running: readonly Request[]): void {
    const live = new Set<Sequence>();
    for (const { seqs, done } of running) {
      for (const seq of seqs) live.add(seq);
      for (const seq of done) live.add(seq);
    }
    for (const [seq, blocks] of this.#rows) {
      if (live.has(seq)) continue;
      for (const block of blocks) this.#pool.release(block, 'front');
      this.#rows.delete(seq);
    }
  }

  has(seq: Sequence): boolean {
    return this.#rows.has(seq);
  }

  write(seq: Sequence, length: Tokens, out: Int32Array, at: number): void {
    let blocks = this.#rows.get(seq);
    if (!blocks) this.#rows.set(seq, (blocks = []));
    const count = Math.ceil(length / this.#blockSize);
    while (blocks.length < count) blocks.push(this.#pool.pop());
    for (let i = 0; i < count; i++) out[at + i] = blocks[i]!;
  }
}
