import { type BlockState, FREE, type Recording } from './recording.ts';
import { lastNotAfter } from './search.ts';
import { unusedSlots } from './unused-slots.ts';

interface Checkpoint extends BlockState {
  /** The last step that it knows of. */
  readonly step: number;
}

/** Entries between two checkpoints, at least: what a seek may replay takes well under a frame. */
const SPACING = 32_768;

/**
 * Every block at any step. Each entry of the recording knows the one that it replaced, so that a step back costs
 * what a step forward does; checkpoints bound what a jump replays. They lie as many entries apart as there are
 * blocks, at least, so that together they are no larger than the recording.
 */
export class BlockReplay {
  readonly #recording: Recording;
  readonly #unused: Uint16Array;
  /** The entry before, of the same block; −1: it was free from the start. */
  readonly #before: Int32Array;
  readonly #checkpoints: Checkpoint[] = [];
  readonly #state: BlockState;
  #step = -1;

  constructor(recording: Recording) {
    this.#recording = recording;
    const { blocks, steps, memory } = recording;
    this.#unused = unusedSlots(recording);
    this.#before = new Int32Array(blocks.block.length);
    this.#state = empty(memory.numBlocks);
    const last = new Int32Array(memory.numBlocks).fill(-1);
    const spacing = Math.max(SPACING, memory.numBlocks);
    let next = spacing;
    for (let step = 0; step < steps.count; step++) {
      for (let i = blocks.start[step]!; i < blocks.start[step + 1]!; i++) {
        this.#before[i] = last[blocks.block[i]!]!;
        last[blocks.block[i]!] = i;
      }
      this.#forward();
      if (blocks.start[step + 1]! < next) continue;
      this.#checkpoints.push(copy(this.#state, step));
      next = blocks.start[step + 1]! + spacing;
    }
  }

  /** −1: before the first step, when all is free. */
  get step(): number {
    return this.#step;
  }

  /** The same arrays at every call. */
  at(step: number): BlockState {
    const { start } = this.#recording.blocks;
    const position = (of: number) => start[of + 1]!;
    const at = lastNotAfter(this.#checkpoints, step, checkpoint => checkpoint.step);
    const checkpoint = this.#checkpoints[at];
    const jump = this.#recording.memory.numBlocks + position(step) - position(checkpoint?.step ?? -1);
    if (Math.abs(position(step) - position(this.#step)) > jump) this.#restore(checkpoint);
    while (this.#step < step) this.#forward();
    while (this.#step > step) this.#back();
    return this.#state;
  }

  #restore(checkpoint: Checkpoint | undefined): void {
    const { owner, refs, filled, since, unused } = this.#state;
    if (checkpoint) {
      owner.set(checkpoint.owner);
      refs.set(checkpoint.refs);
      filled.set(checkpoint.filled);
      since.set(checkpoint.since);
      unused.set(checkpoint.unused);
    } else {
      owner.fill(FREE);
      for (const column of [refs, filled, since, unused]) column.fill(0);
    }
    this.#step = checkpoint?.step ?? -1;
  }

  #forward(): void {
    const { blocks } = this.#recording;
    const { owner, refs, filled, since, unused } = this.#state;
    const step = ++this.#step;
    const end = blocks.start[step + 1]!;
    for (let i = blocks.start[step]!; i < end; i++) {
      const block = blocks.block[i]!;
      owner[block] = blocks.owner[i]!;
      refs[block] = blocks.refs[i]!;
      filled[block] = blocks.filled[i]!;
      unused[block] = this.#unused[i]!;
      since[block] = step;
    }
  }

  #back(): void {
    const { blocks } = this.#recording;
    const { owner, refs, filled, since, unused } = this.#state;
    const step = this.#step--;
    for (let i = blocks.start[step + 1]! - 1; i >= blocks.start[step]!; i--) {
      const block = blocks.block[i]!;
      const before = this.#before[i]!;
      owner[block] = before < 0 ? FREE : blocks.owner[before]!;
      refs[block] = before < 0 ? 0 : blocks.refs[before]!;
      filled[block] = before < 0 ? 0 : blocks.filled[before]!;
      unused[block] = before < 0 ? 0 : this.#unused[before]!;
      since[block] = before < 0 ? 0 : stepOfEntry(blocks.start, before);
    }
  }
}

/** The step whose entries `[start[step], start[step + 1])` an entry is among. */
export function stepOfEntry(start: Int32Array, entry: number): number {
  return lastNotAfter(start, entry, first => first);
}

function empty(numBlocks: number): BlockState {
  return {
    owner: new Int32Array(numBlocks).fill(FREE),
    refs: new Uint16Array(numBlocks),
    filled: new Uint16Array(numBlocks),
    since: new Int32Array(numBlocks),
    unused: new Uint16Array(numBlocks),
  };
}

function copy({ owner, refs, filled, since, unused }: BlockState, step: number): Checkpoint {
  return {
    step,
    owner: owner.slice(),
    refs: refs.slice(),
    filled: filled.slice(),
    since: since.slice(),
    unused: unused.slice(),
  };
}
