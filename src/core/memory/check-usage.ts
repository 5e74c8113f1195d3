import { invariant } from '../invariant.ts';
import { type MemoryUsage, slotKinds } from '../kv-memory.ts';
import type { Tokens } from '../units.ts';

/** Every slot is of one kind: none is negative, and they sum to the capacity. */
export function checkUsage(usage: MemoryUsage, capacity: Tokens): void {
  let sum = 0;
  for (const kind of slotKinds) {
    invariant(usage[kind] >= 0, () => `negative memory: ${usage[kind]} slots are ${kind}`);
    sum += usage[kind];
  }
  invariant(sum === capacity, () => `slot kinds sum to ${sum}, capacity is ${capacity}`);
}
