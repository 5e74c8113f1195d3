import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TimeSeries } from '../../src/sim/time-series.ts';

const pieces = fc.array(
  fc.record({
    pause: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 3, noNaN: true })),
    length: fc.double({ min: 0, max: 5, noNaN: true }),
    value: fc.integer({ min: 0, max: 100 }),
  }),
  { minLength: 1, maxLength: 40 },
);

test('means over intervals are those of a naive sum, whatever was halved on the way', () => {
  fc.assert(
    fc.property(
      pieces,
      fc.integer({ min: 2, max: 40 }),
      fc.double({ min: 0, max: 50, noNaN: true }),
      (list, limit, start) => {
        const series = new TimeSeries(2, limit, 1 / 8);
        let now = start;
        const spans: { begin: number; end: number; value: number }[] = [];
        for (const { pause, length, value } of list) {
          const begin = now + pause;
          spans.push({ begin, end: begin + length, value });
          series.add(begin, begin + length, [value, 2 * value]);
          now = begin + length;
        }
        const { interval, values } = series.result();
        const origin = spans[0]!.begin;
        expect(values[0]!.length).toBeLessThanOrEqual(limit);
        for (const [i, mean] of values[0]!.entries()) {
          const from = origin + i * interval;
          let weight = 0;
          let sum = 0;
          for (const { begin, end, value } of spans) {
            const share = Math.max(0, Math.min(end, from + interval) - Math.max(begin, from));
            weight += share;
            sum += share * value;
          }
          // Borders are sums of doubles: slivers around them do not count.
          if (weight > 1e-9)
            expect(Math.abs(mean - sum / weight)).toBeLessThanOrEqual(1e-6 + (1e-10 / weight) * 100);
          expect(values[1]![i]).toBeCloseTo(2 * mean, 9);
        }
      },
    ),
  );
});

test('time passes over intervals in which nothing was', () => {
  const series = new TimeSeries(1, 8, 1);
  series.add(10, 11, [4]);
  series.add(13, 14, [6]);
  expect(series.result()).toEqual({ interval: 1, values: [[4, 0, 0, 6]] });
  series.add(14, 30, [1]);
  const { interval, values } = series.result();
  expect(interval).toBe(4);
  expect(values[0]![0]).toBe(5);
  expect(values[0]).toHaveLength(5);
});

test('nothing yet: no intervals', () => {
  expect(new TimeSeries(2).result().values).toEqual([[], []]);
});
