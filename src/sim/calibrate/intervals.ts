import type { Overheads } from '../cost/overhead-profile.ts';
import { createRng } from '../rng.ts';
import { meanOf, quantile } from '../statistics.ts';
import { boundsAt, moved, type Residuals } from './fit.ts';
import { huberLoss, solveHuber } from './huber.ts';
import type { Moments } from './moments.ts';
import type { Parameter } from './parameters.ts';

export interface Estimate {
  readonly parameter: Parameter;
  readonly value: number;
  /**
   * 95 % of the resamples. The value may lie outside: they are then off to one side of the fit, as a slope misleads or
   * the fit stopped at a step of the simulation. An interval stretched to it would hide that bias, and a
   * bias-corrected one leaves the value out in just the same cases.
   */
  readonly low: number;
  readonly high: number;
  readonly standardError: number;
  /** Whether the run shows its effect: two sets of simulations see the same one. */
  readonly isShown: boolean;
}

export interface Estimates {
  readonly overheads: Overheads;
  readonly estimates: readonly Estimate[];
}

/** Simulations around an estimate, as a linear model. */
interface Surrogate {
  /** Of each moment, from two sets of simulations. */
  readonly slopes: readonly Float64Array[];
  readonly others: readonly Float64Array[];
  /** The log-ratios of the requests at the estimate, by simulations that differ as chance would have it. */
  readonly bases: readonly Float64Array[];
  /** Their mean. */
  readonly base: Float64Array;
}

export interface BootstrapOptions {
  readonly seed: number;
  readonly requests: number;
  /** Requests drawn together. */
  readonly blockLength: number;
}

/**
 * Intervals of a fit, and the fit a little smoothed. Around the estimate the log-ratios are taken as linear
 * in the overheads (regression over simulations on both sides of it); on that, the fit is repeated for 500
 * resamples of the requests. Neighbours shared their steps, so blocks of them are drawn (circular block
 * bootstrap, Politis & Romano 1992), and with each resample one of several simulations, so that what chance
 * does to scheduling is in the interval as well. That the model itself errs is not.
 */
export function estimate(
  parameters: readonly Parameter[],
  fitted: Overheads,
  ratios: Residuals,
  moments: Moments,
  options: BootstrapOptions,
  progress: (share: number) => void = () => {},
): Estimates {
  let at = fitted;
  let widths = parameters.map(({ step }) => step);
  let near = surrogateAt(parameters, at, ratios, moments, widths);
  let overheads = at;
  for (let round = 1; round <= MAX_ROUNDS; round++) {
    overheads = smoothed(parameters, at, near, ratios, moments);
    const errors = spread(resample(parameters, at, near, moments, options, 60));
    const settled = parameters.every(({ key, resolution }, k) => {
      return Math.abs(overheads[key] - at[key]) <= Math.max(errors[k]! / 4, resolution);
    });
    if (settled && round > 1) break;
    // As far as the estimate is uncertain the model must be good; nearer, chance hides the slope.
    widths = parameters.map(({ step }, k) => Math.min(Math.max(2 * errors[k]!, step / 2), 4 * step));
    at = overheads;
    near = surrogateAt(parameters, at, ratios, moments, widths);
    progress(round / (MAX_ROUNDS + 1));
  }
  const draws = resample(parameters, at, near, moments, options, 500);
  const errors = spread(draws);
  const estimates = parameters.map((parameter, k): Estimate => {
    const { key, min, max } = parameter;
    const value = overheads[key];
    const sorted = draws[k]!.slice().sort();
    const end = (q: number) => Math.min(max, Math.max(min, at[key] + quantile(sorted, q)));
    return {
      parameter,
      value,
      low: end(0.025),
      high: end(0.975),
      standardError: errors[k]!,
      isShown: agree(near.slopes[k]!, near.others[k]!),
    };
  });
  return { overheads, estimates };
}

const MAX_ROUNDS = 5;

/** Whether the correlation of two sets of slopes is more than chance would often give. */
function agree(one: Float64Array, other: Float64Array): boolean {
  let [product, a, b] = [0, 0, 0];
  for (const [j, slope] of one.entries()) {
    product += slope * other[j]!;
    a += slope * slope;
    b += other[j]! * other[j]!;
  }
  return product > 0.3 * Math.sqrt(a * b);
}

/** The best overheads by the linear model, unless the simulation knows better (at an edge beyond which nothing changes). */
function smoothed(
  parameters: readonly Parameter[],
  at: Overheads,
  { base, slopes, others }: Surrogate,
  ratios: Residuals,
  moments: Moments,
): Overheads {
  const model = { residuals: moments.of(base), slopes, others, ...boundsAt(parameters, at) };
  const next = moved(parameters, at, solveHuber(model));
  const loss = (overheads: Overheads) => huberLoss(moments.of(ratios(overheads)));
  return loss(next) <= 1.05 * loss(at) ? next : at;
}

/** Slopes by simulations on both sides of the estimate, near and twice as far, one parameter at a time. */
function surrogateAt(
  parameters: readonly Parameter[],
  at: Overheads,
  ratios: Residuals,
  moments: Moments,
  widths: readonly number[],
): Surrogate {
  const sets = [0, 1].map(set =>
    parameters.map(({ key, min }, k) => {
      const width = widths[k]!;
      const [low, high] = (at[key] - 2 * width >= min ? BOTH_SIDES : ABOVE)[set]!;
      const there = (by: number) => moments.of(ratios({ ...at, [key]: at[key] + by * width }));
      const [below, above] = [there(low), there(high)];
      return above.map((r, j) => (r - below[j]!) / ((high - low) * width));
    }),
  );
  const bases = [0, ...SHAKES].map(by => ratios({ ...at, deviceScale: at.deviceScale * (1 + by) }));
  return {
    slopes: sets[0]!,
    others: sets[1]!,
    bases,
    base: bases[0]!.map((_, j) => meanOf(bases.map(one => one[j]!))),
  };
}

/** Where the simulations of each set are, in widths from the estimate: about it, or at the least that can be. */
const BOTH_SIDES = [
  [-2, 1],
  [-1, 2],
] as const;
const ABOVE = [
  [0, 2.5],
  [0.5, 3],
] as const;

/** Changes of all times too small to matter by themselves, after which other steps meet other requests. */
const SHAKES = [-1e-3, -0.5e-3, 0.5e-3, 1e-3];

/** Changes of each parameter from the estimate, one a resample. */
function resample(
  parameters: readonly Parameter[],
  at: Overheads,
  { slopes, others, bases }: Surrogate,
  moments: Moments,
  { seed, requests, blockLength }: BootstrapOptions,
  resamples: number,
): Float64Array[] {
  const random = createRng(seed, 'calibrate');
  const bounds = boundsAt(parameters, at);
  const draws = parameters.map(() => new Float64Array(resamples));
  const counts = new Uint16Array(requests);
  for (let b = 0; b < resamples; b++) {
    counts.fill(0);
    for (let drawn = 0; drawn < requests; ) {
      let request = Math.floor(random() * requests);
      for (let i = 0; i < blockLength && drawn < requests; i++, drawn++) {
        counts[request]!++;
        request = (request + 1) % requests;
      }
    }
    const { values, weights } = moments.resampled(bases[Math.floor(random() * bases.length)]!, counts);
    const change = solveHuber({ residuals: values, slopes, others, weights, ...bounds });
    for (const [k, value] of change.entries()) draws[k]![b] = value;
  }
  return draws;
}

function spread(draws: readonly Float64Array[]): number[] {
  return draws.map(values => {
    const mean = meanOf(values);
    let squares = 0;
    for (const value of values) squares += (value - mean) ** 2;
    return Math.sqrt(squares / values.length);
  });
}
