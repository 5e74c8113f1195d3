import { expect } from 'vitest';
import { type KvMemory, type MemoryUsage, slotKinds } from '../../src/core/kv-memory.ts';

/** `classify()` counted by kind. */
export function histogram(memory: KvMemory): MemoryUsage {
  const usage = { token: 0, reserved: 0, internal: 0, external: 0, cached: 0, free: 0 };
  for (const kind of memory.classify()) usage[slotKinds[kind]!]++;
  return usage;
}

/** The invariant behind every memory figure: six kinds, none negative, sum = capacity, and both ways of counting agree. */
export function expectUsageHolds(memory: KvMemory): void {
  const usage = memory.usage();
  for (const kind of slotKinds) expect(usage[kind], kind).toBeGreaterThanOrEqual(0);
  expect(slotKinds.reduce((sum, kind) => sum + usage[kind], 0)).toBe(memory.capacity);
  expect(histogram(memory)).toEqual(usage);
}
