import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TokenSource } from '../../../src/core/token-source.ts';
import {
  blockIds,
  blockTokens,
  concatTokens,
  streamId,
  uniqueTokens,
} from '../../../src/sim/workload/tokens.ts';

const take = (source: TokenSource, count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => source.at(from + i));

test('unique tokens are pinned non-negative 32-bit integers', () => {
  expect(take(uniqueTokens(0), 3)).toMatchInlineSnapshot(`
    [
      0,
      997447235,
      1775659272,
    ]
  `);
  expect(take(uniqueTokens(streamId('prefix', 5)), 3, 1_000_000)).toMatchInlineSnapshot(`
    [
      1563712639,
      936245519,
      1363540289,
    ]
  `);
  fc.assert(
    fc.property(
      fc.nat({ max: Number.MAX_SAFE_INTEGER }),
      fc.nat({ max: 2 ** 31 - 1 }),
      (stream, position) => {
        const token = uniqueTokens(stream).at(position);
        expect(Number.isInteger(token) && token >= 0 && token < 2 ** 31).toBe(true);
      },
    ),
  );
});

test('streams of any kind and number differ, as do positions', () => {
  const seen = new Set<number>();
  for (const kind of ['request', 'prefix', 'conversation'] as const) {
    for (let index = 0; index < 100; index++)
      for (const t of take(uniqueTokens(streamId(kind, index)), 100)) seen.add(t);
  }
  // 30,000 of 2³¹ numbers: a fifth of one chance collision expected.
  expect(seen.size).toBeGreaterThan(29_995);
  const same = take(uniqueTokens(1), 10_000).filter((t, i) => t === uniqueTokens(2).at(i));
  expect(same).toEqual([]);
});

test('parts are read one after the other, the last one without end', () => {
  const [a, b, c] = [uniqueTokens(1), uniqueTokens(2), uniqueTokens(3)] as const;
  const source = concatTokens([
    { source: a, offset: 0, length: 3 },
    { source: b, offset: 10, length: 2 },
    { source: c, offset: 4, length: 1 },
  ]);
  expect(take(source, 8)).toEqual([...take(a, 3), ...take(b, 2, 10), ...take(c, 3, 4)]);
});

test('parts: equal to the plain concatenation', () => {
  const part = fc.record({ stream: fc.nat(9), offset: fc.nat(50), length: fc.nat(20) });
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 20 }), parts => {
      const expected = parts.flatMap(p => take(uniqueTokens(p.stream), p.length, p.offset));
      const source = concatTokens(parts.map(p => ({ ...p, source: uniqueTokens(p.stream) })));
      expect(take(source, expected.length)).toEqual(expected);
    }),
  );
});

test('the same block id is the same tokens anywhere; what follows is the request’s own', () => {
  const a = blockTokens([7, 8, 9], 4, 10, streamId('request', 0));
  const b = blockTokens([7, 8, 10, 9], 4, 100, streamId('request', 1));
  expect(take(b, 8)).toEqual(take(a, 8));
  expect(b.at(8)).not.toBe(a.at(8));
  expect(take(b, 2, 12)).toEqual(take(a, 2, 8));
  expect(take(a, 5, 10)).toEqual(take(uniqueTokens(streamId('request', 0)), 5, 10));
  expect(take(b, 5, 16)).toEqual(take(uniqueTokens(streamId('request', 1)), 5, 16));
});

test('block ids far apart, and streams of the same number, differ', () => {
  const ids = [0, 1, 2 ** 32, 2 ** 32 + 1, 2 ** 48 - 1];
  const sources = [...ids.map(id => blockTokens([id], 16, 16, 0)), ...ids.map(id => uniqueTokens(id))];
  expect(new Set(sources.flatMap(source => take(source, 16))).size).toBe(160);
});

test('block ids are equal exactly as far as the contents are', () => {
  const shared = { source: uniqueTokens(1), offset: 0, length: 40 };
  const a = concatTokens([shared, { source: uniqueTokens(2), offset: 0, length: 1 }]);
  const b = concatTokens([shared, { source: uniqueTokens(3), offset: 0, length: 1 }]);
  const [idsA, idsB] = [blockIds(a, 100, 16), blockIds(b, 90, 16)];
  expect(idsA.length).toBe(6);
  expect(idsB.length).toBe(5);
  expect(idsA.map((id, i) => id === idsB[i])).toEqual([true, true, false, false, false, false]);
  expect(idsA.every(id => Number.isSafeInteger(id) && id >= 0)).toBe(true);
  expect(new Set([...idsA, ...idsB]).size).toBe(9);
});
