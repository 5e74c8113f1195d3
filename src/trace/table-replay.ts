import { stepOfEntry } from './block-replay.ts';
import type { Recording } from './recording.ts';
import { type Grouped, groupBy, groupOf } from './search.ts';

/** One use of a physical block. */
export interface Holding {
  readonly request: number;
  readonly sequence: number;
  /** Its place in the block table. */
  readonly index: number;
}

/** Block tables at any step, from the entries of one request or of one block. */
export class TableReplay {
  readonly #recording: Recording;
  readonly #byRequest: Grouped;
  /** Asked for blocks, a second index and the end of each entry are made. */
  #byBlock: { readonly groups: Grouped; readonly until: Int32Array } | undefined;

  constructor(recording: Recording) {
    this.#recording = recording;
    this.#byRequest = groupBy(recording.tables.request, recording.requests.length);
  }

  /** Logical to physical; −1 where a window has passed. Empty when the sequence holds nothing. */
  table(request: number, sequence: number, step: number): number[] {
    const { tables } = this.#recording;
    const end = tables.start[step + 1]!;
    const table: number[] = [];
    for (const entry of groupOf(this.#byRequest, request)) {
      if (entry >= end) break;
      if (tables.sequence[entry] !== sequence) continue;
      const index = tables.index[entry]!;
      while (table.length <= index) table.push(-1);
      table[index] = tables.block[entry]!;
    }
    while (table.length > 0 && table.at(-1) === -1) table.pop();
    return table;
  }

  /** Sequences of a request that hold memory at a step, ascending. */
  sequences(request: number, step: number): number[] {
    const { tables } = this.#recording;
    const end = tables.start[step + 1]!;
    const held = new Map<number, number>();
    const now = new Map<string, boolean>();
    for (const entry of groupOf(this.#byRequest, request)) {
      if (entry >= end) break;
      const sequence = tables.sequence[entry]!;
      const key = `${sequence}/${tables.index[entry]}`;
      const holds = tables.block[entry]! >= 0;
      const change = Number(holds) - Number(now.get(key) ?? false);
      now.set(key, holds);
      held.set(sequence, (held.get(sequence) ?? 0) + change);
    }
    return [...held]
      .filter(([, blocks]) => blocks > 0)
      .map(([sequence]) => sequence)
      .sort((a, b) => a - b);
  }

  /** Who holds a block at a step, in the order in which they came to it. */
  holdings(block: number, step: number): Holding[] {
    const { tables } = this.#recording;
    this.#byBlock ??= this.#indexBlocks();
    const { groups, until } = this.#byBlock;
    const end = tables.start[step + 1]!;
    const held: Holding[] = [];
    for (const entry of groupOf(groups, block)) {
      if (entry >= end) break;
      if (until[entry]! <= step) continue;
      const [request, sequence] = [tables.request[entry]!, tables.sequence[entry]!];
      held.push({ request, sequence, index: tables.index[entry]! });
    }
    return held;
  }

  #indexBlocks(): { groups: Grouped; until: Int32Array } {
    const { tables, memory, requests } = this.#recording;
    const until = new Int32Array(tables.block.length).fill(0x7fffffff);
    for (let request = 0; request < requests.length; request++) {
      const current = new Map<number, number[]>();
      for (const entry of groupOf(this.#byRequest, request)) {
        const sequence = tables.sequence[entry]!;
        let table = current.get(sequence);
        if (!table) current.set(sequence, (table = []));
        const before = table[tables.index[entry]!];
        if (before !== undefined) until[before] = stepOfEntry(tables.start, entry);
        table[tables.index[entry]!] = entry;
      }
    }
    return { groups: groupBy(tables.block, memory.numBlocks), until };
  }
}
