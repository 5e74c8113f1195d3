import { invariant } from '../core/invariant.ts';
import type { KvMemory } from '../core/kv-memory.ts';
import type { Request, Sequence } from '../core/request.ts';
import type { BlockLog } from './block-log.ts';
import type { MemoryTracker } from './memory-tracker.ts';
import { FREE } from './recording.ts';

interface Row {
  readonly owner: number;
  readonly request: Request;
  readonly seq: Sequence;
  /** First slot, and the slots that it may come to take: those of its longest promise, pads included. */
  start: number;
  reach: number;
  /** Pads before its first token. */
  pad: number;
  /** Slots of its table, and those of them that hold KV. */
  length: number;
  filled: number;
  /** Slots behind its table that are its own already: a lone row of TGI's is preallocated. */
  ahead: number;
  dead: boolean;
  seen: number;
}

/**
 * Follows the rows of a padded tensor. The real one is copied at every step, and every row but the first with it
 * moves: here each row stays where it began, with room for all that it may become, so that one can follow it.
 * Its pads, and what a lone row has ahead, have an owner but no references: they are in no table.
 */
export class PaddedTracker implements MemoryTracker {
  readonly #memory: KvMemory;
  readonly #log: BlockLog;
  readonly #rows = new Map<Sequence, Row>();
  #step = 0;

  constructor(memory: KvMemory, log: BlockLog) {
    this.#memory = memory;
    this.#log = log;
  }

  on(): void {
    // Rows are told by the running list alone.
  }

  step(running: readonly Request[], indexOf: (request: Request) => number): void {
    this.#step++;
    const fresh: Row[] = [];
    for (const request of running) {
      for (const seq of request.seqs) this.#see(request, seq, indexOf, fresh);
      for (const seq of request.done) this.#see(request, seq, indexOf, fresh);
    }
    for (const row of this.#rows.values()) if (row.seen !== this.#step) this.#remove(row);
    if (fresh.length > 0) this.#place(fresh);
    const length = this.#memory.tensor!().length;
    const alone = length === 0 && this.#rows.size === 1;
    for (const row of this.#rows.values()) this.#grow(row, length, alone);
  }

  #see(request: Request, seq: Sequence, indexOf: (request: Request) => number, fresh: Row[]): void {
    const row = this.#rows.get(seq);
    const dead = seq.finishReason !== undefined;
    if (row && row.dead === dead) row.seen = this.#step;
    else {
      // New, or ended since: its row may be gone, and if not, it will not grow with its siblings.
      const table = this.#memory.table(seq);
      if (table.length === 0) return;
      if (row) {
        row.seen = this.#step;
        row.dead = true;
      } else {
        const place = { start: -1, reach: 0, pad: 0, length: 0, filled: 0, ahead: 0 };
        fresh.push({ owner: indexOf(request), request, seq, ...place, dead, seen: this.#step });
      }
    }
  }

  /** Finds room for new rows beside the others; if there is none in one piece, all move together. */
  #place(fresh: readonly Row[]): void {
    const rows = [...this.#rows.values(), ...fresh];
    const length = this.#memory.tensor!().length;
    const pads = rows.map(row => (length === 0 ? 0 : length - this.#memory.table(row.seq).length));
    const maxNew = Math.max(...rows.map(({ request }) => request.maxTokens));
    const reaches = rows.map(({ request }, i) =>
      length === 0 ? request.promptTokens + request.maxTokens : pads[i]! + request.promptTokens + maxNew,
    );
    for (const row of fresh) this.#rows.set(row.seq, row);
    const moved = (row: Row, i: number) =>
      row.start >= 0 && (row.pad !== pads[i] || row.reach !== reaches[i]);
    let crowded = rows.some(moved);
    for (const [i, row] of rows.entries()) {
      if (crowded || row.start >= 0) continue;
      const start = firstGap(rows, reaches[i]!, this.#memory.capacity);
      if (start === undefined) crowded = true;
      else Object.assign(row, { start, reach: reaches[i]!, pad: pads[i]! });
    }
    if (crowded) {
      let start = 0;
      for (const row of rows) if (row.length > 0) this.#clear(row);
      for (const [i, row] of rows.entries()) {
        Object.assign(row, { start, reach: reaches[i]!, pad: pads[i]! });
        start += row.reach;
      }
      invariant(start <= this.#memory.capacity, () => `rows of ${start} slots were promised`);
    }
    for (const row of rows) {
      if (row.length > 0) continue;
      for (let i = 0; i < row.pad; i++) this.#log.set(row.start + i, row.owner, 0, 0);
    }
  }

  #grow(row: Row, tensor: number, alone: boolean): void {
    const { owner, request, seq, start, pad } = row;
    const { numComputedTokens: computed, promptTokens } = request;
    const own = row.dead && row.length > 0 ? row.length : Math.max(computed, promptTokens);
    const length = tensor === 0 ? own : tensor - pad;
    const filled = row.dead ? 0 : computed;
    const first = start + pad;
    for (let i = row.length; i < length; i++) {
      this.#log.set(first + i, owner, 1, i < filled ? 1 : 0);
      this.#log.entry(owner, seq.index, i, first + i);
    }
    const to = Math.min(row.length, Math.max(row.filled, filled));
    for (let i = Math.min(row.filled, filled); i < to; i++) {
      this.#log.setFilled(first + i, i < filled ? 1 : 0);
    }
    const ahead = alone ? Math.max(0, promptTokens + request.maxTokens - length) : 0;
    const end = first + length;
    const before = first + row.length + row.ahead;
    if (ahead > 0 && row.ahead === 0) for (let i = 0; i < ahead; i++) this.#log.set(end + i, owner, 0, 0);
    else if (ahead === 0) for (let slot = end; slot < before; slot++) this.#log.set(slot, FREE, 0, 0);
    Object.assign(row, { length, filled, ahead });
  }

  #remove(row: Row): void {
    this.#clear(row);
    this.#rows.delete(row.seq);
  }

  #clear(row: Row): void {
    const { owner, seq, start, pad, length, ahead } = row;
    for (let i = 0; i < pad + length + ahead; i++) this.#log.set(start + i, FREE, 0, 0);
    for (let i = 0; i < length; i++) this.#log.entry(owner, seq.index, i, -1);
    Object.assign(row, { length: 0, filled: 0, ahead: 0 });
  }
}

/** Where a row of this reach fits beside those that have a place. */
function firstGap(rows: readonly Row[], reach: number, capacity: number): number | undefined {
  const placed = rows.filter(row => row.start >= 0).sort((a, b) => a.start - b.start);
  let start = 0;
  for (const row of placed) {
    if (row.start - start >= reach) return start;
    start = row.start + row.reach;
  }
  return start + reach <= capacity ? start : undefined;
}
