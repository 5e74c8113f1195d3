import { Column } from './column.ts';
import { type BlockColumns, FREE, type TableColumns } from './recording.ts';

/**
 * Writes down what became of blocks and block tables. Trackers set what is; what differs from the last step is
 * written when the step ends, so that a block which comes back to what it was leaves no trace.
 */
export class BlockLog {
  readonly owner: Int32Array;
  readonly refs: Uint16Array;
  readonly filled: Uint16Array;
  readonly #wroteOwner: Int32Array;
  readonly #wroteRefs: Uint16Array;
  readonly #wroteFilled: Uint16Array;
  /** Blocks set since the last step, each once. */
  readonly #touched: number[] = [];
  readonly #touchedIn: Int32Array;
  #step = 0;
  readonly #blocks = {
    start: new Column(Int32Array),
    block: new Column(Int32Array),
    owner: new Column(Int32Array),
    refs: new Column(Uint16Array),
    filled: new Column(Uint16Array),
  };
  readonly #tables = {
    start: new Column(Int32Array),
    request: new Column(Int32Array),
    sequence: new Column(Uint16Array),
    index: new Column(Int32Array),
    block: new Column(Int32Array),
  };

  constructor(numBlocks: number) {
    this.owner = new Int32Array(numBlocks).fill(FREE);
    this.refs = new Uint16Array(numBlocks);
    this.filled = new Uint16Array(numBlocks);
    this.#wroteOwner = this.owner.slice();
    this.#wroteRefs = this.refs.slice();
    this.#wroteFilled = this.filled.slice();
    this.#touchedIn = new Int32Array(numBlocks).fill(-1);
    this.#blocks.start.push(0);
    this.#tables.start.push(0);
  }

  touch(block: number): void {
    if (this.#touchedIn[block] === this.#step) return;
    this.#touchedIn[block] = this.#step;
    this.#touched.push(block);
  }

  set(block: number, owner: number, refs: number, filled: number): void {
    this.owner[block] = owner;
    this.refs[block] = refs;
    this.filled[block] = filled;
    this.touch(block);
  }

  setFilled(block: number, filled: number): void {
    this.filled[block] = filled;
    this.touch(block);
  }

  entry(request: number, sequence: number, index: number, block: number): void {
    this.#tables.request.push(request);
    this.#tables.sequence.push(sequence);
    this.#tables.index.push(index);
    this.#tables.block.push(block);
  }

  get touched(): readonly number[] {
    return this.#touched;
  }

  endStep(): void {
    for (const block of this.#touched) this.#write(block);
    this.#touched.length = 0;
    this.#step++;
    this.#blocks.start.push(this.#blocks.block.length);
    this.#tables.start.push(this.#tables.block.length);
  }

  #write(block: number): void {
    const [owner, refs, filled] = [this.owner[block]!, this.refs[block]!, this.filled[block]!];
    if (
      owner === this.#wroteOwner[block] &&
      refs === this.#wroteRefs[block] &&
      filled === this.#wroteFilled[block]
    )
      return;
    this.#wroteOwner[block] = owner;
    this.#wroteRefs[block] = refs;
    this.#wroteFilled[block] = filled;
    this.#blocks.block.push(block);
    this.#blocks.owner.push(owner);
    this.#blocks.refs.push(refs);
    this.#blocks.filled.push(filled);
  }

  blocks(): BlockColumns {
    const { start, block, owner, refs, filled } = this.#blocks;
    return {
      start: start.take(),
      block: block.take(),
      owner: owner.take(),
      refs: refs.take(),
      filled: filled.take(),
    };
  }

  tables(): TableColumns {
    const { start, request, sequence, index, block } = this.#tables;
    return {
      start: start.take(),
      request: request.take(),
      sequence: sequence.take(),
      index: index.take(),
      block: block.take(),
    };
  }
}
