import type { EngineEvent } from '../core/events.ts';
import { NULL_BLOCK } from '../core/kv-memory.ts';
import type { PagedKvMemory } from '../core/memory/paged.ts';
import { NO_NODE } from '../core/prefix-cache.ts';
import type { Request, Sequence } from '../core/request.ts';
import type { BlockLog } from './block-log.ts';
import { Holders } from './holders.ts';
import type { MemoryTracker } from './memory-tracker.ts';
import { CACHED, FREE } from './recording.ts';

interface Known {
  readonly index: number;
  /** Tables as last written. */
  readonly tables: Map<Sequence, number[]>;
  computed: number;
  /** Its table may have changed without a change of its length. */
  dirty: boolean;
  seen: number;
}

/** Follows block tables over a pool: who holds which block, how full it is, and what stays of a prefix. */
export class PagedTracker implements MemoryTracker {
  readonly #memory: PagedKvMemory;
  readonly #log: BlockLog;
  readonly #holders: Holders;
  readonly #known = new Map<Request, Known>();
  #step = 0;

  constructor(memory: PagedKvMemory, log: BlockLog) {
    this.#memory = memory;
    this.#log = log;
    this.#holders = new Holders(memory.pool.size);
  }

  on(event: EngineEvent): void {
    switch (event.type) {
      // Taken and given back within a step, a block is in no table that we see, yet its prefix may be gone, or new.
      case 'allocated':
      case 'cache-hit':
        for (const block of event.blocks) if (block !== NULL_BLOCK) this.#log.touch(block);
        return;
      case 'evicted':
        this.#log.touch(event.block);
        return;
      case 'copied':
        this.#log.touch(event.dst);
        this.#suspect(event.request);
        return;
      case 'admitted':
      case 'preempted':
      case 'forked':
        this.#suspect(event.request);
        return;
      default:
        return;
    }
  }

  #suspect(request: Request): void {
    const known = this.#known.get(request);
    if (known) known.dirty = true;
  }

  step(running: readonly Request[], indexOf: (request: Request) => number): void {
    this.#step++;
    for (const request of running) this.#follow(request, indexOf);
    for (const [request, known] of this.#known) {
      if (known.seen === this.#step) continue;
      for (const [seq, table] of known.tables) this.#drop(known, seq, table);
      this.#known.delete(request);
    }
    const { cache, blockSize } = this.#memory;
    for (const block of this.#log.touched) {
      const refs = this.#holders.refs(block);
      if (refs > 0) this.#log.set(block, this.#holders.owner(block), refs, this.#log.filled[block]!);
      else if (cache && cache.nodeOf(block) !== NO_NODE) this.#log.set(block, CACHED, 0, blockSize);
      else this.#log.set(block, FREE, 0, 0);
    }
  }

  #follow(request: Request, indexOf: (request: Request) => number): void {
    let known = this.#known.get(request);
    if (!known) {
      known = { index: indexOf(request), tables: new Map(), computed: 0, dirty: true, seen: 0 };
      this.#known.set(request, known);
    }
    known.seen = this.#step;
    const computed = request.numComputedTokens;
    const compare = known.dirty || request.width > 1 || this.#memory.trims;
    for (const seq of request.seqs) {
      let table = known.tables.get(seq);
      if (!table) known.tables.set(seq, (table = []));
      const live = this.#memory.table(seq);
      if (compare || table.length !== live.length) this.#compare(known, seq, table, live, computed);
      this.#fill(live, known.computed, computed);
    }
    if (known.tables.size > request.seqs.length) {
      for (const [seq, table] of known.tables) if (!request.seqs.includes(seq)) this.#drop(known, seq, table);
    }
    known.computed = computed;
    known.dirty = false;
  }

  #compare(known: Known, seq: Sequence, table: number[], live: readonly number[], computed: number): void {
    const { index: owner } = known;
    for (let i = 0; i < Math.max(table.length, live.length); i++) {
      const before = table[i] ?? NULL_BLOCK;
      const now = live[i] ?? NULL_BLOCK;
      if (before === now) continue;
      if (before !== NULL_BLOCK) this.#release(before, owner);
      if (now !== NULL_BLOCK) {
        this.#holders.add(now, owner);
        this.#log.setFilled(now, this.#filled(i, computed));
      }
      this.#log.entry(owner, seq.index, i, now);
    }
    for (let i = 0; i < live.length; i++) table[i] = live[i]!;
    table.length = live.length;
  }

  /** Sets how full those blocks are that lie between two counts of computed tokens. */
  #fill(table: readonly number[], before: number, computed: number): void {
    const { blockSize } = this.#memory;
    const to = Math.min(table.length * blockSize, Math.max(before, computed));
    for (let i = Math.floor(Math.min(before, computed) / blockSize); i * blockSize < to; i++) {
      if (table[i] !== NULL_BLOCK) this.#log.setFilled(table[i]!, this.#filled(i, computed));
    }
  }

  /** Slots of a sequence's `index`-th block that hold KV. Who shares it says the same: only full blocks are found by content. */
  #filled(index: number, computed: number): number {
    return Math.min(this.#memory.blockSize, Math.max(0, computed - index * this.#memory.blockSize));
  }

  #drop(known: Known, seq: Sequence, table: readonly number[]): void {
    for (const [i, block] of table.entries()) {
      if (block === NULL_BLOCK) continue;
      this.#release(block, known.index);
      this.#log.entry(known.index, seq.index, i, NULL_BLOCK);
    }
    known.tables.delete(seq);
  }

  #release(block: number, owner: number): void {
    this.#holders.remove(block, owner);
    this.#log.touch(block);
  }
}
