import { expect } from 'vitest';
import { type KvMemory, type MemoryUsage, slotKinds } from '../../src/core/kv-memory.ts';

/** `classify()` counted by kind. */
export function histogram(memory: KvMemory): MemoryUsage {
  const usage = { token: 0, reserved: 0, internal: 0, external: 0, cached: 0, free: 0 };
  for (const kind of memory.classify()) usage[slotKinds[kind]!]++;
  return usage;
}

/**
 * The invariant behind every memory figure: each slot has one of six kinds, `usage()` counts what
 * `classify()` shows (so that no kind is negative and all sum to the capacity).
 */
export function expectUsageHolds(memory: KvMemory): void {
  const shown = histogram(memory);
  expect(memory.usage()).toEqual(shown);
  expect(slotKinds.reduce((sum, kind) => sum + shown[kind], 0)).toBe(memory.capacity);
}
