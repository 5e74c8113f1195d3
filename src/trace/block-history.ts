import { applyStep, copyState, emptyState } from './block-state.ts';
import { Derived } from './derived.ts';
import { type BlockState, CACHED, type Recording } from './recording.ts';
import { unusedSlots } from './unused-slots.ts';
import type { Wholes } from './whole-column.ts';

/** What a recording does not say of its blocks, and states of them that a replay begins at. */
export interface BlockHistory {
  /** One number an entry of `recording.blocks`: see `unusedSlots`. */
  readonly unused: Wholes;
  /** The steps whose states are kept, ascending. */
  readonly steps: Int32Array;
  /** One behind the other: `numBlocks` entries a state. */
  readonly states: BlockState;
  /** Whether a block had several holders at any time, and whether any was free but cached. */
  readonly shares: boolean;
  readonly caches: boolean;
}

/**
 * Entries between two states: to replay as many takes a millisecond. Where there are many blocks they lie further
 * apart, so that together they stay smaller than the recording.
 */
const spacingOf = (numBlocks: number) => Math.max(65_536, 4 * numBlocks);

export const blockHistory = new Derived('blocks', (recording): BlockHistory => {
  const { blocks, memory } = recording;
  const unused = unusedSlots(recording);
  const steps = keptSteps(recording);
  const states = emptyState(steps.length * memory.numBlocks);
  const state = emptyState(memory.numBlocks);
  let step = 0;
  for (const [i, kept] of steps.entries()) {
    for (; step <= kept; step++) applyStep(state, blocks, unused, step);
    copyState(state, 0, states, i * memory.numBlocks, memory.numBlocks);
  }
  return { unused, steps, states, shares: highest(blocks.refs) > 1, caches: blocks.owner.includes(CACHED) };
});

function keptSteps({ blocks: { start }, steps, memory }: Recording): Int32Array {
  const spacing = spacingOf(memory.numBlocks);
  const kept: number[] = [];
  let next = spacing;
  for (let step = 0; step < steps.count; step++) {
    if (start[step + 1]! < next) continue;
    kept.push(step);
    next = start[step + 1]! + spacing;
  }
  return Int32Array.from(kept);
}

function highest(values: Wholes): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) if (values[i]! > most) most = values[i]!;
  return most;
}
