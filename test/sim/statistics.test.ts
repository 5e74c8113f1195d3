import { expect, test } from 'vitest';
import { createRng } from '../../src/sim/rng.ts';
import { bootstrapRatio, meanOf, quantile, summarise } from '../../src/sim/statistics.ts';

const sorted = (...values: number[]) => Float64Array.from(values);

test("quantiles are those of numpy's default, linear", () => {
  expect(quantile(sorted(1, 2, 3, 4), 0.9)).toBeCloseTo(3.7, 12);
  expect(quantile(sorted(15, 20, 35, 40, 50), 0.4)).toBeCloseTo(29, 12);
  expect(quantile(sorted(15, 20, 35, 40, 50), 0.05)).toBeCloseTo(16, 12);
  expect(quantile(sorted(1, 2), 0.5)).toBe(1.5);
  expect(quantile(sorted(7), 0.99)).toBe(7);
  expect(quantile(sorted(3, 9), 0)).toBe(3);
  expect(quantile(sorted(3, 9), 1)).toBe(9);
  expect(quantile(sorted(), 0.5)).toBe(0);
});

test('a summary: mean, median, population deviation as np.std, percentiles; the input is left as it was', () => {
  const values = sorted(9, 2, 5, 4, 4, 7, 4, 5);
  expect(summarise(values)).toMatchObject({ mean: 5, median: 4.5, std: 2 });
  expect([...values]).toEqual([9, 2, 5, 4, 4, 7, 4, 5]);
  expect(summarise(values).p90).toBeCloseTo(7.6, 12);
  expect(summarise(sorted())).toEqual({ mean: 0, median: 0, std: 0, p90: 0, p95: 0, p99: 0 });
  expect(meanOf([])).toBe(0);
});

test.each([5, 40])(
  'a bootstrap interval of %i pairs holds its estimate, and the truth in about 95 of 100 cases',
  pairs => {
    const random = createRng(7, 'test');
    let covered = 0;
    const cases = 300;
    for (let i = 0; i < cases; i++) {
      // Pairs with a common part, as policies on the same workload: means 2 and 1.
      const common = Array.from({ length: pairs }, () => random());
      const a = common.map(c => 1 + c + random());
      const b = common.map(c => c + random());
      const { estimate, low, high } = bootstrapRatio(a, b, 300);
      expect(low!).toBeLessThanOrEqual(estimate);
      expect(high!).toBeGreaterThanOrEqual(estimate);
      if (low! <= 2 && 2 <= high!) covered++;
    }
    expect(covered / cases).toBeGreaterThan(0.91);
    expect(covered / cases).toBeLessThan(0.995);
  },
);

test('what two runs have in common cancels: equal ratios leave no doubt, one pair leaves no interval', () => {
  const b = [1, 5, 2, 8, 3];
  const { estimate, low, high } = bootstrapRatio(
    b.map(x => 3 * x),
    b,
  );
  for (const bound of [estimate, low, high]) expect(bound).toBeCloseTo(3, 12);
  expect(bootstrapRatio([6], [3])).toEqual({ estimate: 2 });
  expect(bootstrapRatio(b, b)).toEqual(bootstrapRatio(b, b));
});
