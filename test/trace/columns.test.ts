import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decisionColumns, decisionList, reasonsOf } from '../../src/trace/decision-columns.ts';
import { lazyList } from '../../src/trace/lazy-list.ts';
import { requestColumns, requestList } from '../../src/trace/request-columns.ts';
import { countOf, textOf, textTable } from '../../src/trace/text-table.ts';
import { WholeColumn } from '../../src/trace/whole-column.ts';
import { recordingArbitrary } from './runs.ts';

test('a lazy list is read as an array is', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), fc.integer({ min: -3, max: 40 }), (items, at) => {
      const list = lazyList(items.length, i => items[i]!);
      expect(list).toEqual(items);
      expect(list.length).toBe(items.length);
      expect([list[at], list.at(at), at in list]).toEqual([items[at], items.at(at), at in items]);
      expect([...list.entries()]).toEqual([...items.entries()]);
      expect(list.map(item => item * 2)).toEqual(items.map(item => item * 2));
      expect(list.findLast(item => item > 0)).toBe(items.findLast(item => item > 0));
      expect(JSON.stringify(list)).toBe(JSON.stringify(items));
    }),
  );
});

test('a lazy list makes what is asked for, and is not written to', () => {
  const made: number[] = [];
  const list = lazyList(5_000_000, i => made.push(i));
  expect([list[17], list.length, list[5_000_000]]).toEqual([1, 5_000_000, undefined]);
  expect(made).toEqual([17]);
  expect(() => (list as number[]).push(1)).toThrow(TypeError);
});

test('texts of any characters are read one by one', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 90 })), texts => {
      const table = textTable(texts);
      expect(Array.from({ length: countOf(table) }, (_, i) => textOf(table, i))).toEqual(texts);
    }),
  );
});

test('a column of whole numbers takes as few bytes each as they need, and keeps them all', () => {
  const whole = fc.oneof(fc.nat(0xff), fc.nat(0xffff), fc.nat(0x7fff_ffff));
  fc.assert(
    fc.property(fc.array(whole), fc.nat(0x1_0000), (values, expected) => {
      const column = new WholeColumn(values.length, expected);
      for (const [i, value] of values.entries()) column.set(i, value);
      const taken = column.take();
      expect([...taken]).toEqual(values);
      const most = Math.max(expected, ...values);
      expect(taken.BYTES_PER_ELEMENT).toBe(most > 0xffff ? 4 : most > 0xff ? 2 : 1);
    }),
  );
  const column = new WholeColumn(2, 9);
  column.set(1, -1);
  expect([...column.take()]).toEqual([0, -1]);
});

describe('requests and decisions', () => {
  test('are the same from their columns', async () => {
    await fc.assert(
      fc.asyncProperty(recordingArbitrary(), async run => {
        const { requests, decisions } = await run();
        expect(requestList(requestColumns(requests))).toEqual(requests);
        const columns = decisionColumns(decisions);
        expect(decisionList(columns)).toEqual(decisions);
        expect(reasonsOf(columns)).toEqual([...new Set(decisions.map(({ reason }) => reason))]);
      }),
      { numRuns: 20 },
    );
  });
});
