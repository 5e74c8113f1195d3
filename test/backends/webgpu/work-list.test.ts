import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type AttentionShape,
  prefillTokens,
} from '../../../src/backends/webgpu/attention/attention-shape.ts';
import { AttentionPlanner, TILE } from '../../../src/backends/webgpu/attention/work-list.ts';
import { ENTRY } from '../../../src/backends/webgpu/kernels/step-layout.ts';
import { batchOf, type TestRow } from './batches.ts';

const SHAPE: AttentionShape = { dtype: 'f16', heads: 8, kvHeads: 4, headDim: 64, blockSize: 16 };

type Item = [row: number, first: number, count: number, start: number, end: number, partial: number];

function entries(words: readonly number[], length: number): number[][] {
  return Array.from({ length: words.length / length }, (_, i) => words.slice(i * length, (i + 1) * length));
}

function rowsOf(given: readonly (readonly [computed: number, count: number])[]): TestRow[] {
  return given.map(([computed, count]) => ({
    sequence: {
      tokens: Array(computed + count).fill(0),
      blocks: Array.from({ length: Math.ceil((computed + count) / 16) }, (_, i) => i),
      computed,
    },
    count,
  }));
}

test('every token sees each of its positions in exactly one item, and split ones are merged', () => {
  const rows = fc.array(fc.tuple(fc.nat({ max: 5000 }), fc.integer({ min: 1, max: 40 })), { maxLength: 12 });
  const windows = fc.option(fc.integer({ min: 1, max: 900 }), { nil: undefined });
  fc.assert(
    fc.property(rows, fc.integer({ min: 1, max: 300 }), windows, (given, workgroups, window) => {
      const batch = batchOf(rowsOf(given), 16);
      const shape = { ...SHAPE, window };
      const planner = new AttentionPlanner(shape, prefillTokens(shape), workgroups);
      const { decodes, prefills, merges } = planner.plan(batch);
      const seen = new Map<number, (readonly [start: number, end: number])[]>();
      const partials = new Map<number, number[]>();
      const items = [...entries(decodes, ENTRY.attention), ...entries(prefills, ENTRY.attention)];
      for (const [row, first, count, start, end, partial] of items as Item[]) {
        expect(first).toBeGreaterThanOrEqual(batch.rowStarts[row]!);
        expect(first + count).toBeLessThanOrEqual(batch.rowStarts[row + 1]!);
        for (let token = first; token < first + count; token++) {
          seen.set(token, [...(seen.get(token) ?? []), [start, end]]);
          if (partial >= 0) partials.set(token, [...(partials.get(token) ?? []), partial + token - first]);
        }
      }
      for (const [token, position] of batch.positions.entries()) {
        const ranges = seen.get(token)!;
        for (const [i, [start, end]] of ranges.entries()) {
          expect(end).toBeGreaterThan(start);
          if (i > 0) expect(start).toBe(ranges[i - 1]![1]);
        }
        expect(ranges[0]![0]).toBeLessThanOrEqual(
          window === undefined ? 0 : Math.max(0, position + 1 - window),
        );
        expect(ranges.at(-1)![1]).toBeGreaterThan(position);
      }
      const slots = [...partials.values()].flat();
      expect(new Set(slots).size).toBe(slots.length);
      const merged = entries(merges, ENTRY.merge) as [number, number, number, number][];
      expect(merged.map(([token]) => token).sort()).toEqual([...partials.keys()].sort());
      for (const [token, count, first, apart] of merged) {
        const expected = Array.from({ length: count }, (_, i) => first + i * apart);
        expect(partials.get(token)).toEqual(expected);
      }
      expect(Math.max(-1, ...slots)).toBeLessThan(planner.maxPartials);
    }),
    { numRuns: 60 },
  );
});

test('one long sequence alone is split over the GPU; where there are many, none is', () => {
  const planner = new AttentionPlanner(SHAPE, prefillTokens(SHAPE), 64);
  const alone = planner.plan(batchOf(rowsOf([[8191, 1]]), 16));
  expect(alone.decodes.length / ENTRY.attention).toBe(16);
  expect(alone.merges).toEqual([0, 16, 0, 1]);
  const many = planner.plan(batchOf(rowsOf(Array(64).fill([511, 1])), 16));
  expect(many.decodes.length / ENTRY.attention).toBe(64);
  expect(many.merges).toEqual([]);
});

test('splits begin at tiles', () => {
  const { decodes } = new AttentionPlanner(SHAPE, prefillTokens(SHAPE), 1024).plan(
    batchOf(rowsOf([[3000, 1]]), 16),
  );
  for (const [, , , start] of entries(decodes, ENTRY.attention)) expect(start! % TILE).toBe(0);
});
