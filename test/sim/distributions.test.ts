import { expect, test } from 'vitest';
import { UsageError } from '../../src/core/errors.ts';
import { type Distribution, exponential, gamma, sampler } from '../../src/sim/distributions.ts';
import { createRng } from '../../src/sim/rng.ts';

const draws = (distribution: Distribution, count = 50_000) => {
  const draw = sampler(distribution, createRng(5, 'test'));
  return Array.from({ length: count }, draw);
};
const mean = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0) / numbers.length;
const median = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;

test('fixed and uniform', () => {
  expect(draws({ kind: 'fixed', value: 7 }, 3)).toEqual([7, 7, 7]);
  const dice = draws({ kind: 'uniform', min: 1, max: 6 });
  for (let face = 1; face <= 6; face++) {
    expect(dice.filter(x => x === face).length / dice.length).toBeCloseTo(1 / 6, 2);
  }
  expect(new Set(dice).size).toBe(6);
  expect(draws({ kind: 'uniform', min: 4, max: 4 }, 2)).toEqual([4, 4]);
});

test('a log-normal has the mean and the median, or σ, that were asked for', () => {
  const byMedian = draws({ kind: 'lognormal', mean: 400, median: 250 });
  expect(mean(byMedian) / 400).toBeCloseTo(1, 1);
  expect(median(byMedian) / 250).toBeCloseTo(1, 1);
  const bySigma = draws({ kind: 'lognormal', mean: 400, sigma: 0.5 });
  expect(mean(bySigma) / 400).toBeCloseTo(1, 1);
  expect(median(bySigma) / (400 * Math.exp(-0.125))).toBeCloseTo(1, 1);
  expect(median(draws({ kind: 'lognormal', mu: 5, sigma: 1 })) / Math.exp(5)).toBeCloseTo(1, 1);
});

test('truncation draws again: nothing heaps up at the limits', () => {
  const numbers = draws({ kind: 'lognormal', mean: 100, sigma: 1, min: 20, max: 200 });
  expect(Math.min(...numbers)).toBe(20);
  expect(Math.max(...numbers)).toBe(200);
  expect(numbers.filter(x => x === 200).length).toBeLessThan(300);
  expect(numbers.every(Number.isInteger)).toBe(true);
});

test('lengths are never below 1', () => {
  expect(Math.min(...draws({ kind: 'lognormal', mean: 1.5, sigma: 1.5 }))).toBe(1);
});

test('geometric: the mean, and its memory-less shape', () => {
  const turns = draws({ kind: 'geometric', mean: 4 });
  expect(mean(turns)).toBeCloseTo(4, 1);
  expect(turns.filter(x => x === 1).length / turns.length).toBeCloseTo(0.25, 2);
  expect(draws({ kind: 'geometric', mean: 1 }, 3)).toEqual([1, 1, 1]);
});

test.each([0.2, 0.5, 1, 3])('gamma of shape %d has mean shape · scale and CV 1/√shape', shape => {
  const draw = gamma(shape, 2, createRng(11, 'gamma'));
  const numbers = Array.from({ length: 100_000 }, draw);
  const average = mean(numbers);
  const cv = Math.sqrt(mean(numbers.map(x => (x - average) ** 2))) / average;
  expect(average / (2 * shape)).toBeCloseTo(1, 1);
  expect(cv * Math.sqrt(shape)).toBeCloseTo(1, 1);
});

test('an exponential of mean 0 is always 0', () => {
  expect(exponential(0, () => expect.unreachable())()).toBe(0);
});

test.each<[Distribution, string]>([
  [{ kind: 'fixed', value: 0 }, 'value must be a whole number of at least 1, not 0'],
  [{ kind: 'fixed', value: 2.5 }, 'value must be a whole number of at least 1, not 2.5'],
  [{ kind: 'uniform', min: 5, max: 4 }, 'max must be a whole number of at least 5, not 4'],
  [{ kind: 'lognormal', mean: 10, median: 20 }, "a log-normal's median (20) cannot be above its mean (10)"],
  [{ kind: 'lognormal', mean: -1, sigma: 1 }, 'mean must be a number above 0, not -1'],
  [{ kind: 'lognormal', mean: 1, sigma: Number.NaN }, 'sigma must be a number of at least 0, not NaN'],
  [{ kind: 'geometric', mean: 0.5 }, 'mean must be a number of at least 1, not 0.5'],
])('%j is refused', (distribution, message) => {
  expect(() => sampler(distribution, () => 0)).toThrow(new UsageError(message));
});

test('a window that is never hit is an error, not an endless loop', () => {
  expect(() => draws({ kind: 'lognormal', mean: 10, sigma: 0.1, min: 1000 }, 1)).toThrow(
    /almost never falls/,
  );
});
