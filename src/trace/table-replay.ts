import type { Recording } from './recording.ts';
import { groupOf } from './search.ts';
import { holdersAt, tableIndex } from './table-index.ts';

/** One use of a physical block. */
export interface Holding {
  readonly request: number;
  readonly sequence: number;
  /** Its place in the block table. */
  readonly index: number;
}

/** Block tables at any step, from the entries of those that hold memory then. */
export class TableReplay {
  readonly #recording: Recording;
  /** Who holds each block at the step that was asked for last: one frame asks for many. */
  #held: { readonly step: number; readonly holdings: ReadonlyMap<number, readonly Holding[]> } | undefined;

  constructor(recording: Recording) {
    this.#recording = recording;
  }

  /** Logical to physical; −1 where a window has passed. Empty when the sequence holds nothing. */
  table(request: number, sequence: number, step: number): number[] {
    const { tables } = this.#recording;
    const end = tables.start[step + 1]!;
    const table: number[] = [];
    for (const entry of this.#entriesOf(request)) {
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
    const sequences = new Set<number>();
    for (const entry of this.#current(request, this.#recording.tables.start[step + 1]!))
      sequences.add(this.#recording.tables.sequence[entry]!);
    return [...sequences].sort((a, b) => a - b);
  }

  /** Who holds a block at a step, in the order in which they came to it. */
  holdings(block: number, step: number): readonly Holding[] {
    if (this.#held?.step !== step) this.#held = { step, holdings: this.#holdingsAt(step) };
    return this.#held.holdings.get(block) ?? [];
  }

  #holdingsAt(step: number): Map<number, Holding[]> {
    const { tables } = this.#recording;
    const end = tables.start[step + 1]!;
    const entries = holdersAt(this.#recording, end).flatMap(request => this.#current(request, end));
    const holdings = new Map<number, Holding[]>();
    for (const entry of entries.sort((a, b) => a - b)) {
      const block = tables.block[entry]!;
      const holding = {
        request: tables.request[entry]!,
        sequence: tables.sequence[entry]!,
        index: tables.index[entry]!,
      };
      const list = holdings.get(block);
      if (list) list.push(holding);
      else holdings.set(block, [holding]);
    }
    return holdings;
  }

  /** The entries of a request before `end` that no later one has replaced, and that name a block. */
  #current(request: number, end: number): number[] {
    const { sequence, index, block } = this.#recording.tables;
    const last: number[][] = [];
    for (const entry of this.#entriesOf(request)) {
      if (entry >= end) break;
      (last[sequence[entry]!] ??= [])[index[entry]!] = entry;
    }
    return last.flatMap(entries => entries.filter(entry => block[entry]! >= 0));
  }

  #entriesOf(request: number): Int32Array {
    return groupOf(tableIndex.of(this.#recording).byRequest, request);
  }
}
