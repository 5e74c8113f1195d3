import type { Overheads } from '../cost/overhead-profile.ts';
import { huberLoss, solveHuber } from './huber.ts';
import type { Parameter } from './parameters.ts';

export type Residuals = (overheads: Overheads) => Float64Array;

const MAX_ITERATIONS = 10;

/**
 * Gauss-Newton with a Huber loss. Slopes are secants, as a simulation steps where a scheduling decision
 * flips: wide at first, then as wide as the last move. A move that makes the loss no smaller is shortened.
 */
export function fitOverheads(
  parameters: readonly Parameter[],
  start: Overheads,
  residuals: Residuals,
  progress: (share: number) => void = () => {},
): Overheads {
  let at = start;
  let now = residuals(at);
  let loss = huberLoss(now);
  let widths = parameters.map(({ step }) => step);
  for (let iteration = 0; iteration < MAX_ITERATIONS && parameters.length > 0; iteration++) {
    progress(iteration / MAX_ITERATIONS);
    const slopes = parameters.map((parameter, k) => secant(parameter, at, now, widths[k]!, residuals));
    const change = solveHuber({ residuals: now, slopes, ...boundsAt(parameters, at) });
    const accepted = [1, 0.5, 0.25, 0.1].find(share => {
      const next = moved(parameters, at, change, share);
      const there = residuals(next);
      const lower = huberLoss(there);
      if (!(lower < loss)) return false;
      [at, now, loss] = [next, there, lower];
      return true;
    });
    const smallest = parameters.every(({ resolution, step }, k) => {
      return accepted === undefined
        ? widths[k]! <= Math.max(resolution, step / 8)
        : Math.abs(change[k]! * accepted) <= resolution;
    });
    if (smallest) break;
    widths = widths.map((width, k) => {
      const { resolution, step } = parameters[k]!;
      const wish = accepted === undefined ? width / 4 : Math.abs(change[k]! * accepted);
      return Math.min(Math.max(wish, width / 4, step / 8, resolution), step * 4);
    });
  }
  return at;
}

/** How far each parameter may go from here. */
export function boundsAt(parameters: readonly Parameter[], at: Overheads): { min: number[]; max: number[] } {
  return {
    min: parameters.map(({ key, min }) => min - at[key]),
    max: parameters.map(({ key, max }) => max - at[key]),
  };
}

export function moved(
  parameters: readonly Parameter[],
  from: Overheads,
  change: readonly number[],
  share = 1,
): Overheads {
  const to = { ...from };
  for (const [k, { key, min, max }] of parameters.entries()) {
    to[key] = Math.min(max, Math.max(min, from[key] + share * change[k]!));
  }
  return to;
}

function secant(
  { key }: Parameter,
  at: Overheads,
  now: Float64Array,
  width: number,
  residuals: Residuals,
): Float64Array {
  const there = residuals({ ...at, [key]: at[key] + width });
  return now.map((r, j) => (there[j]! - r) / width);
}
