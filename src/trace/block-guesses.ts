import { CACHED, FREE, type TableColumns, type WorkColumns, workKinds } from './recording.ts';
import { TableState } from './table-state.ts';

const HELD = workKinds.indexOf('held');

/** What must be known to guess what became of blocks. */
export interface Known {
  readonly tables: TableColumns;
  readonly work: WorkColumns;
  readonly requests: number;
  readonly numBlocks: number;
  readonly blockSize: number;
}

/**
 * Guesses which blocks a step changed and what became of them, from its tables and its work: those that tables take,
 * those that computed tokens fill, those that tables let go.
 */
export class BlockGuesses {
  readonly #known: Known;
  readonly #state: TableState;
  readonly #owner: Int32Array;
  readonly #filled: Int32Array;
  /** The last entry of each request: none of its tables is looked at behind it, once they are empty. */
  readonly #lastEntry: Int32Array;
  /** Those of the step, each once, and where in the list each is. */
  readonly #changed: number[] = [];
  readonly #place: Int32Array;
  readonly #placedIn: Int32Array;
  /** What became of the last block that was let go: one that was not full, one that was. */
  readonly #left: [partial: number, full: number] = [FREE, FREE];
  #step = -1;
  /** The place after that of the last block. */
  #next = 0;
  #lastOwner = FREE;

  constructor(known: Known) {
    const { requests, numBlocks } = known;
    this.#known = known;
    this.#state = new TableState(numBlocks);
    this.#lastEntry = lastEntries(known.tables, requests);
    this.#owner = new Int32Array(numBlocks).fill(FREE);
    this.#filled = new Int32Array(numBlocks);
    this.#place = new Int32Array(numBlocks);
    this.#placedIn = new Int32Array(numBlocks).fill(-1);
  }

  begin(): void {
    const step = ++this.#step;
    const { start, request, sequence, index, block } = this.#known.tables;
    this.#changed.length = 0;
    this.#next = 0;
    const before: number[] = [];
    for (let entry = start[step]!; entry < start[step + 1]!; entry++) {
      const [of, named] = [request[entry]!, block[entry]!];
      // What names no block is for the reader to complain about.
      if (named >= this.#known.numBlocks) continue;
      const fresh = named >= 0 && this.#state.refs[named] === 0;
      before.push(this.#state.set(of, sequence[entry]!, index[entry]!, named));
      if (entry === this.#lastEntry[of] && !this.#state.of(of).some(holds)) this.#state.forget(of);
      if (named >= 0) this.#add(named);
      if (fresh) {
        // Found by content it stays full; more often, what it held is given up.
        if (this.#owner[named]! < 0) this.#filled[named] = 0;
        this.#owner[named] = of;
      }
    }
    this.#fill(step);
    for (const released of before) if (released >= 0) this.#add(released);
  }

  #add(block: number): void {
    if (this.#placedIn[block] === this.#step) return;
    this.#placedIn[block] = this.#step;
    this.#place[block] = this.#changed.length;
    this.#changed.push(block);
  }

  /** Tokens go behind those that a table holds. */
  #fill(step: number): void {
    const { work, blockSize } = this.#known;
    for (let i = work.start[step]!; i < work.start[step + 1]!; i++) {
      if (work.kind[i] === HELD) continue;
      const all = this.#state.of(work.request[i]!);
      const tables = all.length === 1 && holds(all[0]!) ? all : all.filter(holds);
      for (const table of tables) {
        let tokens = work.tokens[i]! / tables.length;
        for (let at = this.#firstOpen(table); at < table.length && tokens > 0; at++) {
          const block = table[at]!;
          if (block < 0) continue;
          const filled = Math.min(blockSize, this.#filled[block]! + tokens);
          tokens -= filled - this.#filled[block]!;
          this.#filled[block] = filled;
          this.#add(block);
        }
      }
    }
  }

  #firstOpen(table: readonly number[]): number {
    const { blockSize } = this.#known;
    let [low, high] = [0, table.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const block = table[middle]!;
      if (block < 0 || this.#filled[block] === blockSize) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** How far from the guess a block lies among those of the step; undefined: it is not among them. */
  distance(block: number): number | undefined {
    if (this.#placedIn[block] !== this.#step) return undefined;
    return this.#place[block]! - this.#next;
  }

  /** The block at a distance; undefined where there is none. */
  at(distance: number): number | undefined {
    return this.#changed[this.#next + distance];
  }

  owner(block: number): number {
    if (this.#placedIn[block] !== this.#step) return this.#lastOwner;
    if (this.#state.refs[block]! > 0) return this.#owner[block]!;
    return this.#left[this.#filled[block] === this.#known.blockSize ? 1 : 0];
  }

  refs(block: number): number {
    return this.#state.refs[block]!;
  }

  filled(block: number, owner: number): number {
    return owner === FREE ? 0 : owner === CACHED ? this.#known.blockSize : this.#filled[block]!;
  }

  learn(block: number, owner: number, filled: number): void {
    if (this.#placedIn[block] === this.#step) {
      this.#next = this.#place[block]! + 1;
      if (this.#state.refs[block] === 0)
        this.#left[this.#filled[block] === this.#known.blockSize ? 1 : 0] = owner;
    }
    this.#owner[block] = owner;
    this.#filled[block] = filled;
    this.#lastOwner = owner;
  }
}

/** The last is nearly always there. */
const holds = (table: readonly number[]) => table[table.length - 1]! >= 0 || table.some(block => block >= 0);

/** The last entry of each request; −1: it has none. */
export function lastEntries({ request }: Pick<TableColumns, 'request'>, requests: number): Int32Array {
  const last = new Int32Array(requests).fill(-1);
  for (let entry = 0; entry < request.length; entry++) last[request[entry]!] = entry;
  return last;
}
