import type { Seconds } from '../../core/units.ts';
import type { KernelTime } from '../kernels/kernel-tables.ts';
import { type StepCost, tiers } from './terms.ts';

/** One launch of a kernel on one GPU, as a roofline has it. */
export interface Launch {
  /** What it takes at least. */
  readonly floor: Seconds;
  /** Above that: how long the arithmetic takes, and the traffic to memory. */
  readonly arithmetic: Seconds;
  readonly traffic: Seconds;
  readonly flops: number;
  readonly bytes: number;
  /** How sharp the ridge between the two is (`GemmEfficiency`). Default: the larger counts alone. */
  readonly sharpness?: number;
}

/**
 * Adds `times` launches to a term of a price, or as many of `known` seconds each. What lies above the floor
 * goes to the larger limit.
 */
export function book(cost: StepCost, at: number, times: number, launch: Launch, known?: KernelTime): void {
  const { floor, arithmetic, traffic, flops, bytes } = launch;
  const limit = known ? Math.max(0, known.seconds - floor) : ridge(arithmetic, traffic, launch.sharpness);
  const overhead = known ? Math.min(floor, known.seconds) : floor;
  const seconds = times * (overhead + limit);
  cost.terms[at]! += seconds;
  if (known) cost.tabled[tiers.indexOf(known.tier)]! += seconds;
  cost.overhead += times * overhead;
  if (arithmetic > traffic) cost.compute += times * limit;
  else cost.bandwidth += times * limit;
  cost.flops += times * flops;
  cost.bytes += times * bytes;
}

/** (a^p + b^p)^(1/p), the plain maximum at p = ∞; by the ratio, as seconds^p leave the range of numbers. */
export function ridge(a: Seconds, b: Seconds, p = Number.POSITIVE_INFINITY): Seconds {
  const high = Math.max(a, b);
  if (p === Number.POSITIVE_INFINITY || high === 0) return high;
  return high * power(1 + power(Math.min(a, b) / high, p), 1 / p);
}

/** x^p of an x ≥ 0; `**` differs in its last digit between versions of V8. */
export function power(x: number, p: number): number {
  return x === 0 ? 0 : Math.exp(p * Math.log(x));
}
