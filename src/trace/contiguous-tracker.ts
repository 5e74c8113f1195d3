import type { KvMemory } from '../core/kv-memory.ts';
import type { Request, Sequence } from '../core/request.ts';
import type { BlockLog } from './block-log.ts';
import type { MemoryTracker } from './memory-tracker.ts';
import { FREE } from './recording.ts';

interface Reservation {
  readonly owner: number;
  readonly table: readonly number[];
  computed: number;
  seen: number;
}

/**
 * Follows reservations. What the allocator rounded up has an owner but no references: no sequence asked for it,
 * and nobody else can have it.
 */
export class ContiguousTracker implements MemoryTracker {
  readonly #memory: KvMemory;
  readonly #log: BlockLog;
  readonly #held = new Map<Sequence, Reservation>();
  #step = 0;

  constructor(memory: KvMemory, log: BlockLog) {
    this.#memory = memory;
    this.#log = log;
  }

  on(): void {
    // A reservation lasts as long as its request runs: looking at each step misses nothing.
  }

  step(running: readonly Request[], indexOf: (request: Request) => number): void {
    this.#step++;
    // What was given back first, for somebody else may have it already.
    for (const request of running) {
      for (const seq of request.seqs) this.#see(seq);
      for (const seq of request.done) if (this.#memory.table(seq).length > 0) this.#see(seq);
    }
    for (const [seq, held] of this.#held) {
      if (held.seen === this.#step) continue;
      for (const [i, block] of held.table.entries()) {
        this.#log.set(block, FREE, 0, 0);
        this.#log.entry(held.owner, seq.index, i, -1);
      }
      this.#held.delete(seq);
    }
    for (const request of running) {
      for (const seq of request.seqs) this.#follow(request, seq, indexOf);
      for (const seq of request.done) this.#follow(request, seq, indexOf);
    }
  }

  #see(seq: Sequence): void {
    const held = this.#held.get(seq);
    if (held) held.seen = this.#step;
  }

  #follow(request: Request, seq: Sequence, indexOf: (request: Request) => number): void {
    const dead = seq.finishReason !== undefined;
    const held = this.#held.get(seq) ?? this.#begin(request, seq, indexOf(request), dead);
    if (!held) return;
    const computed = dead ? 0 : request.numComputedTokens;
    const { blockSize } = this.#memory;
    const [from, to] = computed < held.computed ? [computed, held.computed] : [held.computed, computed];
    for (let i = Math.floor(from / blockSize); i * blockSize < to; i++) {
      const filled = Math.min(blockSize, Math.max(0, computed - i * blockSize));
      this.#log.setFilled(held.table[i]!, filled);
    }
    held.computed = computed;
  }

  #begin(request: Request, seq: Sequence, owner: number, dead: boolean): Reservation | undefined {
    const table = this.#memory.table(seq);
    if (table.length === 0) return undefined;
    // What it will never use and what it will are all that was asked for.
    const slots = dead ? seq.unused : seq.unused + request.finalSlots(seq);
    const asked = Math.ceil(slots / this.#memory.blockSize);
    const held = { owner, table, computed: 0, seen: this.#step };
    this.#held.set(seq, held);
    for (const [i, block] of table.entries()) {
      this.#log.set(block, owner, i < asked ? 1 : 0, 0);
      this.#log.entry(owner, seq.index, i, block);
    }
    return held;
  }
}
