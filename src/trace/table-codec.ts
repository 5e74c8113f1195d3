import { lastEntries } from './block-guesses.ts';
import { type ByteReader, ByteWriter, DamagedError } from './byte-stream.ts';
import {
  readByKey,
  readFollowers,
  readStarts,
  within,
  writeByKey,
  writeFollowers,
  writeStarts,
} from './column-codec.ts';
import { FreeOrder } from './free-order.ts';
import type { Recording, TableColumns } from './recording.ts';
import { TableState } from './table-state.ts';

/** What columns are read with. */
export interface Dimensions {
  readonly steps: number;
  readonly requests: number;
  readonly numBlocks: number;
}

export const dimensionsOf = ({ steps, requests, memory }: Recording): Dimensions => ({
  steps: steps.count,
  requests: requests.length,
  numBlocks: memory.numBlocks,
});

/** How a block is written: none, by the number of the guess that is right, or as it is. */
const NONE = 0;
const OTHER = 4;

export function writeTables(out: ByteWriter, tables: TableColumns, dimensions: Dimensions): void {
  const { start, request, sequence, index, block } = tables;
  out.unsigned(block.length);
  writeStarts(out, start);
  writeFollowers(out, request, dimensions.requests);
  writeByKey(out, sequence, request, dimensions.requests);
  writeByKey(out, index, request, dimensions.requests);
  const others = new ByteWriter();
  const guesses = new EntryGuesses(tables, dimensions);
  for (let step = 0; step < dimensions.steps; step++) {
    guesses.begin(step, entry => block[entry]! < 0);
    for (let entry = start[step]!; entry < start[step + 1]!; entry++) {
      const named = block[entry]!;
      if (named < 0) {
        out.byte(NONE);
        continue;
      }
      const guess = guesses.of(entry).indexOf(named);
      out.byte(guess < 0 ? OTHER : guess + 1);
      if (guess < 0) others.unsigned(named);
      if (named < dimensions.numBlocks) guesses.learn(entry, named);
    }
  }
  out.bytes(others.take());
}

export function readTables(input: ByteReader, dimensions: Dimensions): TableColumns {
  const { steps, requests, numBlocks } = dimensions;
  const count = input.count();
  const start = readStarts(input, steps, count);
  const request = readFollowers(input, new Int32Array(count), requests);
  const sequence = readByKey(input, request, requests, 0xff);
  const index = within(readByKey(input, request, requests, 0xff), 0, numBlocks);
  const kinds = input.bytes(count);
  const block = new Int32Array(count).fill(-1);
  const tables = { start, request, sequence, index, block };
  const guesses = new EntryGuesses(tables, dimensions);
  for (let step = 0; step < steps; step++) {
    guesses.begin(step, entry => kinds[entry] === NONE);
    for (let entry = start[step]!; entry < start[step + 1]!; entry++) {
      const kind = kinds[entry]!;
      if (kind === NONE) continue;
      const named = kind === OTHER ? input.unsigned() : guesses.of(entry)[kind - 1];
      if (named === undefined || named < 0 || named >= numBlocks)
        throw new DamagedError(`it names ${named} of ${numBlocks}`);
      block[entry] = named;
      guesses.learn(entry, named);
    }
  }
  return tables;
}

/** Guesses which block comes next in a table: pools hand out what is free longest, and prefixes are found again. */
class EntryGuesses {
  readonly #tables: TableColumns;
  readonly #state: TableState;
  readonly #free: FreeOrder;
  /** What came after a block in the last table that it was entered in. */
  readonly #follower: Int32Array;

  readonly #lastEntry: Int32Array;

  constructor(tables: TableColumns, { requests, numBlocks }: Dimensions) {
    this.#tables = tables;
    this.#state = new TableState(numBlocks);
    this.#lastEntry = lastEntries(tables, requests);
    this.#free = new FreeOrder(numBlocks);
    this.#follower = new Int32Array(numBlocks).fill(-1);
  }

  /** What is let go in a step is free before anything is handed out: tables of a preempted request go to others. */
  begin(step: number, letsGo: (entry: number) => boolean): void {
    const { start, request, sequence, index } = this.#tables;
    for (let entry = start[step - 1] ?? 0; entry < start[step]!; entry++)
      if (this.#lastEntry[request[entry]!] === entry) this.#state.forget(request[entry]!);
    const freed: number[] = [];
    // Of each table its tail first.
    const give = () => {
      for (let block = freed.pop(); block !== undefined; block = freed.pop()) this.#free.give(block);
    };
    for (let entry = start[step]!; entry < start[step + 1]!; entry++) {
      if (!letsGo(entry)) continue;
      const [of, at] = [request[entry]!, sequence[entry]!];
      if (of !== request[entry - 1] || at !== sequence[entry - 1]) give();
      const block = this.#state.set(of, at, index[entry]!, -1);
      if (block >= 0 && this.#state.refs[block] === 0) freed.push(block);
    }
    give();
    this.#free.rewind();
  }

  of(entry: number): readonly number[] {
    const { request, sequence, index } = this.#tables;
    const before = this.#state.at(request[entry]!, sequence[entry]!, index[entry]! - 1);
    return [this.#free.next, before < 0 ? -1 : this.#follower[before]!, before + 1];
  }

  learn(entry: number, block: number): void {
    const { request, sequence, index } = this.#tables;
    const [of, at, place] = [request[entry]!, sequence[entry]!, index[entry]!];
    const before = this.#state.at(of, at, place - 1);
    if (before >= 0) this.#follower[before] = block;
    this.#free.take(block);
    const replaced = this.#state.set(of, at, place, block);
    if (replaced >= 0 && this.#state.refs[replaced] === 0) this.#free.give(replaced);
  }
}
