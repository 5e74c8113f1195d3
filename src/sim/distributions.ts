import { randomExponential, randomGamma, randomNormal } from 'd3-random';
import { UsageError } from '../core/errors.ts';
import { checkNumber, checkPositive, checkWhole } from './checks.ts';
import type { Random } from './rng.ts';

/** The numbers of a log-normal before truncation: from mean and median, mean and σ, or μ and σ. */
export type LogNormal =
  | { readonly mean: number; readonly median: number }
  | { readonly mean: number; readonly sigma: number }
  | { readonly mu: number; readonly sigma: number };

/** Whole numbers of at least 1: lengths in tokens, turns of a conversation. */
export type Distribution =
  | { readonly kind: 'fixed'; readonly value: number }
  /** Every whole number from `min` to `max`, equally often. */
  | { readonly kind: 'uniform'; readonly min: number; readonly max: number }
  /** Rounded; what falls outside `[min, max]` (default 1 and none) is drawn again, which moves the mean. */
  | ({ readonly kind: 'lognormal'; readonly min?: number; readonly max?: number } & LogNormal)
  /** The number of tries until the first success, of this mean (at least 1). */
  | { readonly kind: 'geometric'; readonly mean: number };

/** Draws whole numbers of at least 1. Throws `UsageError` for impossible parameters, at once. */
export function sampler(distribution: Distribution, random: Random): () => number {
  switch (distribution.kind) {
    case 'fixed': {
      const { value } = distribution;
      checkWhole('value', value, 1);
      return () => value;
    }
    case 'uniform': {
      const { min, max } = distribution;
      checkWhole('min', min, 1);
      checkWhole('max', max, min);
      return () => min + Math.floor(random() * (max - min + 1));
    }
    case 'lognormal': {
      const { min = 1, max = 2 ** 31 - 1 } = distribution;
      checkWhole('min', min, 1);
      checkWhole('max', max, min);
      const draw = logNormal(distribution, random);
      return () => {
        for (let tries = 0; tries < MAX_TRIES; tries++) {
          const value = Math.round(draw());
          if (value >= min && value <= max) return value;
        }
        throw new UsageError(
          `the log-normal ${JSON.stringify(distribution)} almost never falls between ${min} and ${max}; widen the limits`,
        );
      };
    }
    case 'geometric': {
      checkNumber('mean', distribution.mean, 1);
      if (distribution.mean === 1) return () => 1;
      const scale = 1 / Math.log1p(-1 / distribution.mean);
      return () => 1 + Math.floor(Math.log1p(-random()) * scale);
    }
    default:
      return distribution satisfies never;
  }
}

/** Draws from an untruncated log-normal: positive reals. */
export function logNormal(of: LogNormal, random: Random): () => number {
  const { mu, sigma } = logNormalParameters(of);
  const draw = randomNormal.source(random)(mu, sigma);
  return () => Math.exp(draw());
}

/** mean = exp(μ + σ²/2) and median = exp(μ), solved for μ and σ. */
function logNormalParameters(of: LogNormal): { mu: number; sigma: number } {
  if ('mu' in of) {
    checkNumber('mu', of.mu, -700, 700);
    checkNumber('sigma', of.sigma);
    return of;
  }
  checkPositive('mean', of.mean);
  if ('sigma' in of) {
    checkNumber('sigma', of.sigma);
    return { mu: Math.log(of.mean) - of.sigma ** 2 / 2, sigma: of.sigma };
  }
  checkPositive('median', of.median);
  if (of.median > of.mean) {
    throw new UsageError(`a log-normal's median (${of.median}) cannot be above its mean (${of.mean})`);
  }
  return { mu: Math.log(of.median), sigma: Math.sqrt(2 * Math.log(of.mean / of.median)) };
}

/** Draws from a gamma distribution of this shape and scale: mean shape · scale, CV 1/√shape. */
export function gamma(shape: number, scale: number, random: Random): () => number {
  if (shape >= 1) return randomGamma.source(random)(shape, scale);
  // d3-random does the same with Math.pow, whose last digit differs between versions of V8
  // (Marsaglia & Tsang 2000, §6: Gamma(a) = Gamma(a + 1) · U^(1/a)).
  const above = randomGamma.source(random)(shape + 1, scale);
  return () => above() * Math.exp(Math.log1p(-random()) / shape);
}

/** Draws from an exponential distribution of this mean; always 0 when the mean is 0. */
export function exponential(mean: number, random: Random): () => number {
  return mean === 0 ? () => 0 : randomExponential.source(random)(1 / mean);
}

/** A window that one draw in a thousand hits is missed this often once in 10⁴³. */
const MAX_TRIES = 100_000;
