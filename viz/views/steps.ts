import type { Seconds } from '../../src/core/units.ts';
import type { Recording, StepColumns } from '../../src/trace/recording.ts';
import { extremesIn, type Series } from './peaks.ts';
import { type Plot, xOf } from './time-axis.ts';
import { moment, whole } from './words.ts';

/** What is drawn of the steps of a window: from `x0` to `x1` the values of `step`. */
export interface Stretch {
  readonly x0: number;
  readonly x1: number;
  readonly step: number;
}

/** The first step that ends after `time`. */
export function firstEndingAfter({ end, count }: StepColumns, time: number): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (end[middle]! > time) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The step that runs at a time, if one does. */
export function stepAt({ steps }: Recording, time: Seconds): number | undefined {
  const step = firstEndingAfter(steps, time);
  return step < steps.count && steps.time[step]! <= time ? step : undefined;
}

/** What a legend of figures at the cursor is headed with. */
export const stepName = (step: number) => `step ${whole(step)}`;

export const stepAndTime = ({ steps }: Recording, step: number) =>
  `${stepName(step)} at ${moment(steps.time[step]!, 1e-3)} s`;

export function highest(values: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) if (values[i]! > most) most = values[i]!;
  return most;
}

/**
 * When a state that a step shows is over: with the step; where a request of it goes on in the next one, with that
 * one's start, as a real engine needs a moment from step to step.
 */
export function lasts({ steps, work }: Recording, step: number): Seconds {
  const next = step + 1;
  if (next >= steps.count || steps.time[next]! <= steps.end[step]!) return steps.end[step]!;
  const start = work.start[next]!;
  const those = new Set(work.request.subarray(work.start[step]!, start));
  const goesOn = work.request.subarray(start, work.start[next + 1]!).some(request => those.has(request));
  return goesOn ? steps.time[next]! : steps.end[step]!;
}

/**
 * The steps of a window, each as long as it took, or as long as what it shows lasts. Where more than two begin within one pixel, the two at which
 * a series is lowest and highest stand for them, in their order, so that no peak is lost.
 */
export function stretches(recording: Recording, plot: Plot, series: Series): Stretch[] {
  const { time, end, count } = recording.steps;
  const { left, right, to } = plot;
  const until = (step: number) => (series === 'duration' ? end[step]! : lasts(recording, step));
  const clip = (x: number) => Math.min(right, Math.max(left, x));
  const pixelOf = (step: number) => Math.floor(clip(xOf(plot, time[step]!)));
  const all: Stretch[] = [];
  let i = firstEndingAfter(recording.steps, plot.from);
  if (i > 0 && until(i - 1) > plot.from) i--;
  const beyond = firstWhere(i, count, step => time[step]! >= to);
  while (i < beyond) {
    const x0 = clip(xOf(plot, time[i]!));
    const pixel = Math.floor(x0);
    const next = firstWhere(i + 1, beyond, step => pixelOf(step) !== pixel);
    const x1 = clip(xOf(plot, until(next - 1)));
    if (next - i <= 2) {
      for (let step = i; step < next; step++)
        all.push({ x0: clip(xOf(plot, time[step]!)), x1: clip(xOf(plot, until(step))), step });
    } else {
      const { lowest: low, highest: high } = extremesIn(recording, series, i, next);
      const middle = (x0 + x1) / 2;
      all.push({ x0, x1: middle, step: Math.min(low, high) });
      all.push({ x0: middle, x1, step: Math.max(low, high) });
    }
    i = next;
  }
  return all;
}

/** The first of `[from, to)` of which something holds that holds of all behind it as well; `to` when it holds of none. */
export function firstWhere(from: number, to: number, holds: (step: number) => boolean): number {
  let [low, high] = [from, from];
  // It is near more often than not.
  for (let stride = 1; high < to && !holds(high); stride *= 2) {
    low = high + 1;
    high += stride;
  }
  high = Math.min(high, to);
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Nothing runs between two stretches that are this far apart. */
const GAP = 0.5;

/** The outline of a value over time, on its baseline while nothing runs. */
export function stairs(
  drawn: readonly Stretch[],
  height: (step: number) => number,
  baseline: number,
  closed: boolean,
): number[] {
  const points: number[] = [];
  let before = Number.NEGATIVE_INFINITY;
  for (const { x0, x1, step } of drawn) {
    if (x0 - before > GAP) {
      if (points.length > 0) points.push(before, baseline);
      if (points.length > 0 || closed) points.push(x0, baseline);
    }
    const y = height(step);
    points.push(x0, y, x1, y);
    before = x1;
  }
  if (closed && points.length > 0) points.push(before, baseline);
  return points;
}
