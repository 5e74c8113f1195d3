import { createRng } from './rng.ts';

export interface Summary {
  readonly mean: number;
  readonly median: number;
  readonly std: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
}

/** Linear interpolation between order statistics, as numpy's default; 0 of nothing, as `vllm bench serve`. */
export function quantile(sorted: Float64Array, q: number): number {
  if (sorted.length === 0) return 0;
  const at = q * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (sorted[high]! - sorted[low]!) * (at - low);
}

export function summarise(values: Float64Array): Summary {
  const sorted = values.slice().sort();
  const mean = meanOf(sorted);
  let squares = 0;
  for (const value of sorted) squares += (value - mean) ** 2;
  return {
    mean,
    median: quantile(sorted, 0.5),
    std: sorted.length === 0 ? 0 : Math.sqrt(squares / sorted.length),
    p90: quantile(sorted, 0.9),
    p95: quantile(sorted, 0.95),
    p99: quantile(sorted, 0.99),
  };
}

export function meanOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return values.length === 0 ? 0 : sum / values.length;
}

/** An estimate with a 95 % interval; `undefined` bounds where there is nothing to resample. */
export interface Interval {
  readonly estimate: number;
  readonly low?: number;
  readonly high?: number;
}

/**
 * Percentile bootstrap of mean(a) / mean(b) over pairs: entry `i` of both met the same random numbers,
 * so a pair is drawn together and what they have in common cancels.
 */
export function bootstrapRatio(a: readonly number[], b: readonly number[], resamples = 2000): Interval {
  const estimate = meanOf(a) / meanOf(b);
  if (a.length < 2) return { estimate };
  const random = createRng(1, 'bootstrap');
  const ratios = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    let above = 0;
    let below = 0;
    for (let i = 0; i < a.length; i++) {
      const pick = Math.floor(random() * a.length);
      above += a[pick]!;
      below += b[pick]!;
    }
    ratios[r] = above / below;
  }
  ratios.sort();
  const widen = smallSample(a.length);
  return {
    estimate,
    low: Math.max(0, estimate - (estimate - quantile(ratios, 0.025)) * widen),
    high: estimate + (quantile(ratios, 0.975) - estimate) * widen,
  };
}

/**
 * Percentiles of few pairs are too narrow (of five, they hold the truth 85 times in 100): widened as
 * Student's t is against the normal, and by √(n/(n−1)) (Hesterberg 2015, "What teachers should know about
 * the bootstrap"). The quantile of t is its Cornish–Fisher expansion.
 */
function smallSample(n: number): number {
  const nu = n - 1;
  const z = 1.96;
  const t = z + (z ** 3 + z) / (4 * nu) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * nu ** 2);
  return (t / z) * Math.sqrt(n / nu);
}
