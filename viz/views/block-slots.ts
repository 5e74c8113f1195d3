import type { SlotKind } from '../../src/core/kv-memory.ts';
import { type BlockState, FREE, type Recording } from '../../src/trace/recording.ts';

/** What slots are that the owner of their block will never use. */
export function wasteKind({ memory }: Recording, { refs }: BlockState, block: number): SlotKind {
  // What the allocator rounded up was given to nobody.
  return memory.kind === 'contiguous' && refs[block] === 0 ? 'external' : 'internal';
}

/** Whether free memory is of no use at a step: the head of the queue waits for more than there is, or than lies together. */
export function freeIsUseless({ steps }: Pick<Recording, 'steps'>, step: number): boolean {
  return steps.usage.free[step] === 0 && steps.usage.external[step]! > 0;
}

/**
 * The block from which on free ones are where a padded tensor is copied to as it grows: as many slots as its copy
 * takes, at the end of the memory. Beyond the last block, where there is no copy.
 */
export function copyBegins({ memory, steps }: Recording, { owner }: BlockState, step: number): number {
  let block = memory.numBlocks;
  if (memory.kind !== 'padded' || freeIsUseless({ steps }, step)) return block;
  for (let slots = steps.usage.external[step] ?? 0; slots > 0 && block > 0; ) {
    if (owner[--block] === FREE) slots -= memory.blockSize;
  }
  return block;
}
