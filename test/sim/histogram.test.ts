import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Histogram } from '../../src/sim/histogram.ts';
import { meanOf } from '../../src/sim/statistics.ts';

const entries = fc.array(
  fc.tuple(fc.double({ min: 1e-7, max: 1e5, noNaN: true }), fc.integer({ min: 1, max: 5 })),
  {
    minLength: 1,
    maxLength: 200,
  },
);

function filled(list: readonly (readonly [number, number])[]): { histogram: Histogram; values: number[] } {
  const histogram = new Histogram();
  for (const [value, times] of list) histogram.add(value, times);
  const values = list.flatMap(([value, times]) => Array<number>(times).fill(value)).sort((a, b) => a - b);
  return { histogram, values };
}

test('any percentile is within 0.05 % of the order statistic', () => {
  fc.assert(
    fc.property(entries, fc.double({ min: 0, max: 1, noNaN: true }), (list, q) => {
      const { histogram, values } = filled(list);
      const exact = values[Math.floor(q * (values.length - 1))]!;
      expect(Math.abs(histogram.quantile(q) - exact)).toBeLessThanOrEqual(5e-4 * exact);
    }),
  );
});

test('the count is exact, the mean to the nanosecond, the deviation to 0.03 % of the values', () => {
  fc.assert(
    fc.property(entries, list => {
      const { histogram, values } = filled(list);
      const mean = meanOf(values);
      const std = Math.sqrt(meanOf(values.map(value => (value - mean) ** 2)));
      expect(histogram.count).toBe(values.length);
      expect(Math.abs(histogram.mean - mean)).toBeLessThanOrEqual(1e-9 + 1e-12 * mean);
      const size = Math.sqrt(meanOf(values.map(value => value * value)));
      expect(Math.abs(histogram.std - std)).toBeLessThanOrEqual(1e-9 + 3e-4 * size);
    }),
  );
});

test('the order in which values come, and whether equal ones come together, changes nothing, to the last bit', () => {
  fc.assert(
    fc.property(entries, fc.func(fc.integer()), (list, rank) => {
      const one = filled(list).histogram;
      const apart = list.flatMap(([value, times]) =>
        Array.from({ length: times }, () => [value, 1] as const),
      );
      const keyed = apart.map((entry, i) => ({ entry, key: rank(i) }));
      const other = filled(keyed.sort((a, b) => a.key - b.key).map(({ entry }) => entry)).histogram;
      expect(other.mean).toBe(one.mean);
      expect(other.std).toBe(one.std);
      for (const q of [0, 0.5, 0.9, 0.99, 1]) expect(other.quantile(q)).toBe(one.quantile(q));
    }),
  );
});

test('of nothing: 0; of equal values: that value, and hardly a deviation', () => {
  const empty = new Histogram();
  expect([empty.mean, empty.std, empty.quantile(0.5)]).toEqual([0, 0, 0]);
  const { histogram } = filled([[0.0123, 1000]]);
  expect(histogram.mean).toBeCloseTo(0.0123, 12);
  expect(histogram.std).toBeLessThan(3e-4 * 0.0123);
});
