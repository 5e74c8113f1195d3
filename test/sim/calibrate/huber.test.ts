import { expect, test } from 'vitest';
import { solveHuber } from '../../../src/sim/calibrate/huber.ts';
import { createRng } from '../../../src/sim/rng.ts';

const random = createRng(7, 'huber');
const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
const slopes = [0, 1].map(() => Float64Array.from({ length: 400 }, normal));
const truth = [2, -0.5];
const free = { min: [-9, -9], max: [9, 9] };
const line = () => slopes[0]!.map((x, j) => -(truth[0]! * x + truth[1]! * slopes[1]![j]!));

test('a line is found, and gross errors in a fifth of it move it little', () => {
  const exact = solveHuber({ residuals: line(), slopes, ...free });
  expect(exact[0]).toBeCloseTo(2, 6);
  expect(exact[1]).toBeCloseTo(-0.5, 6);
  const spoilt = line().map((r, j) => r + 0.1 * normal() + (j % 5 === 0 ? 100 : 0));
  const found = solveHuber({ residuals: spoilt, slopes, ...free });
  expect(Math.abs(found[0]! - 2)).toBeLessThan(0.2);
  expect(Math.abs(found[1]! + 0.5)).toBeLessThan(0.2);
});

test('a parameter stays within its bounds, and the others make the best of it', () => {
  const both = [slopes[0]!, slopes[0]!.map((x, j) => 0.9 * x + 0.1 * slopes[1]![j]!)];
  const residuals = both[0]!.map((x, j) => -(x + both[1]![j]!));
  const found = solveHuber({ residuals, slopes: both, min: [-9, -9], max: [9, 0.25] });
  expect(found[1]).toBe(0.25);
  expect(found[0]).toBeGreaterThan(1.5);
});

test('what has no effect does not move', () => {
  const found = solveHuber({ residuals: line(), slopes: [slopes[0]!, new Float64Array(400)], ...free });
  expect(found[1]).toBe(0);
});

test('noise in the slopes makes changes too small, unless a second set of slopes has its own', () => {
  const noisy = () => slopes.map(slope => slope.map(x => x + 0.6 * normal()));
  const residuals = line().map(r => r + 0.1 * normal());
  const [one, other] = [noisy(), noisy()];
  expect(Math.abs(solveHuber({ residuals, slopes: one, ...free })[0]!)).toBeLessThan(1.7);
  expect(Math.abs(solveHuber({ residuals, slopes: one, others: other, ...free })[0]! - 2)).toBeLessThan(0.3);
});
