import { expect, test } from 'vitest';
import { UsageError } from '../../../src/core/errors.ts';
import { type ArrivalProcess, arrivalTimes, vllmBenchArrivals } from '../../../src/sim/workload/arrivals.ts';

const times = (process: ArrivalProcess, count: number, seed = 1) => [...arrivalTimes(process, count, seed)];

function gapStatistics(all: readonly number[]) {
  const gaps = all.map((time, i) => time - (all[i - 1] ?? 0));
  const mean = gaps.reduce((a, b) => a + b) / gaps.length;
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
  return { mean, cv: Math.sqrt(variance) / mean };
}

test('Poisson: mean gap 1/rate, CV 1, counts per second with variance equal to the mean', () => {
  const all = times({ kind: 'poisson', rate: 8 }, 100_000);
  const { mean, cv } = gapStatistics(all);
  expect(mean * 8).toBeCloseTo(1, 1);
  expect(cv).toBeCloseTo(1, 1);
  const perSecond = new Array<number>(Math.floor(all.at(-1)!)).fill(0);
  for (const time of all) if (time < perSecond.length) perSecond[Math.floor(time)]!++;
  const rate = perSecond.reduce((a, b) => a + b) / perSecond.length;
  const dispersion = perSecond.reduce((sum, n) => sum + (n - rate) ** 2, 0) / perSecond.length / rate;
  expect(dispersion).toBeCloseTo(1, 1);
});

test.each([0.25, 0.5, 1, 4])('gamma of burstiness %d: mean gap 1/rate, CV 1/√burstiness', burstiness => {
  const { mean, cv } = gapStatistics(times({ kind: 'gamma', rate: 5, burstiness }, 100_000));
  expect(Math.abs(mean * 5 - 1)).toBeLessThan(0.02);
  expect(Math.abs(cv * Math.sqrt(burstiness) - 1)).toBeLessThan(0.02);
});

test('gamma of burstiness 1 is Poisson, number by number', () => {
  const gamma = times({ kind: 'gamma', rate: 5, burstiness: 1 }, 100);
  times({ kind: 'poisson', rate: 5 }, 100).forEach((time, i) => {
    expect(gamma[i]).toBeCloseTo(time, 12);
  });
});

test('fixed rate and all at once', () => {
  expect(times({ kind: 'fixed-rate', rate: 4 }, 4)).toEqual([0.25, 0.5, 0.75, 1]);
  expect(times({ kind: 'all-at-once' }, 3)).toEqual([0, 0, 0]);
});

test('stretched: the same process, its last arrival at exactly count / rate', () => {
  const process = { kind: 'gamma', rate: 3, burstiness: 0.5 } as const;
  const plain = times(process, 500);
  const stretched = times({ ...process, stretch: true }, 500);
  expect(stretched.at(-1)).toBeCloseTo(500 / 3, 9);
  expect(stretched[100]! / plain[100]!).toBeCloseTo(stretched[400]! / plain[400]!, 12);
});

test('as vllm bench serve names them', () => {
  expect(vllmBenchArrivals(Number.POSITIVE_INFINITY)).toEqual({ kind: 'all-at-once' });
  expect(vllmBenchArrivals(2, Number.POSITIVE_INFINITY)).toEqual({ kind: 'fixed-rate', rate: 2 });
  expect(vllmBenchArrivals(2)).toEqual({ kind: 'gamma', rate: 2, burstiness: 1, stretch: true });
});

test('times ascend, depend on the seed, and are the same for every rate but for their unit', () => {
  const process: ArrivalProcess = { kind: 'gamma', rate: 1, burstiness: 0.3 };
  const all = times(process, 5000);
  expect(all.every((time, i) => i === 0 || time >= all[i - 1]!)).toBe(true);
  expect(times(process, 5000)).toEqual(all);
  expect(times(process, 50, 2)).not.toEqual(all.slice(0, 50));
  times({ ...process, rate: 4 }, 50).forEach((time, i) => {
    expect(time * 4).toBeCloseTo(all[i]!, 9);
  });
});

test.each<[ArrivalProcess, string]>([
  [{ kind: 'poisson', rate: 0 }, 'rate must be a number above 0, not 0'],
  [{ kind: 'fixed-rate', rate: Number.NaN }, 'rate must be a number above 0, not NaN'],
  [{ kind: 'gamma', rate: 1, burstiness: -1 }, 'burstiness must be a number above 0, not -1'],
])('%j is refused', (process, message) => {
  expect(() => times(process, 1)).toThrow(new UsageError(message));
});
