import { type BlockColumns, type BlockState, FREE } from './recording.ts';
import type { Wholes } from './whole-column.ts';

/** All is free. */
export function emptyState(numBlocks: number): BlockState {
  return {
    owner: new Int32Array(numBlocks).fill(FREE),
    refs: new Uint16Array(numBlocks),
    filled: new Uint16Array(numBlocks),
    unused: new Uint16Array(numBlocks),
    since: new Int32Array(numBlocks),
  };
}

/** Takes over `count` blocks from a place of one state to a place of another. */
export function copyState(from: BlockState, at: number, to: BlockState, place: number, count: number): void {
  to.owner.set(from.owner.subarray(at, at + count), place);
  to.refs.set(from.refs.subarray(at, at + count), place);
  to.filled.set(from.filled.subarray(at, at + count), place);
  to.unused.set(from.unused.subarray(at, at + count), place);
  to.since.set(from.since.subarray(at, at + count), place);
}

/** A state before a step becomes the one at it. */
export function applyStep(state: BlockState, blocks: BlockColumns, slots: Wholes, step: number): void {
  const { owner, refs, filled, unused, since } = state;
  const end = blocks.start[step + 1]!;
  for (let i = blocks.start[step]!; i < end; i++) {
    const block = blocks.block[i]!;
    owner[block] = blocks.owner[i]!;
    refs[block] = blocks.refs[i]!;
    filled[block] = blocks.filled[i]!;
    unused[block] = slots[i]!;
    since[block] = step;
  }
}
