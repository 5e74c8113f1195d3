import { expect, test } from 'vitest';
import { estimate } from '../../../src/sim/calibrate/intervals.ts';
import { Moments } from '../../../src/sim/calibrate/moments.ts';
import { parametersOf } from '../../../src/sim/calibrate/parameters.ts';
import type { Overheads } from '../../../src/sim/cost/overhead-profile.ts';
import { runtimes } from '../../../src/sim/cost/runtimes.ts';
import { createRng } from '../../../src/sim/rng.ts';

const COUNT = 200;
const fitted: Overheads = { perStep: 1e-3, perSequence: 0, apiPerRequest: 0, deviceScale: 1 };

/** A run whose log-ratios are `level` of the overheads, and a scatter of 0.05. */
function estimated(level: (perStep: number) => number) {
  const random = createRng(3, 'scatter');
  const scatter = Float64Array.from({ length: 3 * COUNT }, () => 0.1 * (random() - 0.5));
  const ratios = ({ perStep }: Overheads) => scatter.map(error => error + level(perStep));
  const requests = Array.from({ length: COUNT }, (_, i) => {
    return { arrival: i, promptTokens: 100 + i, outputTokens: 10, ttft: 1, e2el: 2 };
  });
  const moments = new Moments({ requests, failed: 0, clientSide: true, notes: [] }, ratios(fitted));
  const options = { seed: 0, requests: COUNT, blockLength: 5 };
  return estimate(parametersOf(['per_step'], runtimes.vllm), fitted, ratios, moments, options).estimates[0]!;
}

test('the interval of a line holds its fit', () => {
  const { value, low, high } = estimated(perStep => 100 * (perStep - 1.2e-3));
  expect(value).toBeCloseTo(1.2e-3, 4);
  expect(low).toBeLessThan(value);
  expect(high).toBeGreaterThan(value);
});

test('a fit that the resamples leave lies outside its interval, which is not stretched to hide it', () => {
  // A step of the simulation at the fit: everywhere else is worse, and points to more overhead.
  const { value, low, high } = estimated(perStep =>
    perStep === fitted.perStep ? 0.1 : 1 - 200 * (perStep - fitted.perStep),
  );
  expect(value).toBe(fitted.perStep);
  expect(low).toBeGreaterThan(value);
  expect(high).toBeGreaterThan(low);
});
