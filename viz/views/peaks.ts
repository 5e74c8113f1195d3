import { type SlotKind, slotKinds } from '../../src/core/kv-memory.ts';
import { Derived } from '../../src/trace/derived.ts';
import type { Recording, StepColumns } from '../../src/trace/recording.ts';

/** A figure that every step has, and views draw over time. `duration`: what its parts sum to. */
export type Series = SlotKind | 'running' | 'waiting' | 'held' | 'duration';

/** For each bucket of steps, the first at which a series is lowest, and highest. */
interface Peaks {
  readonly lowest: Int32Array;
  readonly highest: Int32Array;
  /** The most that it ever is; 0 of no steps. */
  readonly most: number;
}

/** Steps of a bucket. */
const BUCKET = 64;

const allSeries: readonly Series[] = [...slotKinds, 'running', 'waiting', 'held', 'duration'];

/** What a run of millions of steps is drawn from, a pixel at a time. */
export const peaks = new Derived('peaks', ({ steps }): Record<Series, Peaks> => {
  const found = allSeries.map(series => [series, peaksOf(valuesOf(steps, series), steps.count)] as const);
  return Object.fromEntries(found) as Record<Series, Peaks>;
});

type Values = (step: number) => number;

function valuesOf(steps: StepColumns, series: Series): Values {
  const { compute, bandwidth, overhead } = steps;
  switch (series) {
    case 'duration':
      return step => compute[step]! + bandwidth[step]! + overhead[step]!;
    case 'running':
    case 'waiting':
    case 'held':
      return valueIn(steps[series]);
    default:
      return valueIn(steps.usage[series]);
  }
}

const valueIn =
  (column: ArrayLike<number>): Values =>
  step =>
    column[step]!;

function peaksOf(value: Values, count: number): Peaks {
  const buckets = Math.ceil(count / BUCKET);
  const [lowest, highest] = [new Int32Array(buckets), new Int32Array(buckets)];
  let most = 0;
  for (let bucket = 0; bucket < buckets; bucket++) {
    let low = bucket * BUCKET;
    let high = low;
    const end = Math.min(count, low + BUCKET);
    for (let step = low + 1; step < end; step++) {
      if (value(step) < value(low)) low = step;
      if (value(step) > value(high)) high = step;
    }
    lowest[bucket] = low;
    highest[bucket] = high;
    most = Math.max(most, value(high));
  }
  return { lowest, highest, most };
}

/** The first steps of `[from, to)`, which is not empty, at which a series is lowest, and highest. */
export function extremesIn(
  recording: Recording,
  series: Series,
  from: number,
  to: number,
): { readonly lowest: number; readonly highest: number } {
  const value = valuesOf(recording.steps, series);
  const { lowest, highest } = peaks.of(recording)[series];
  let [low, high] = [from, from];
  for (let step = from; step < to; ) {
    const bucket = step / BUCKET;
    const isWhole = Number.isInteger(bucket) && step + BUCKET <= to;
    const [bottom, top] = isWhole ? [lowest[bucket]!, highest[bucket]!] : [step, step];
    if (value(bottom) < value(low)) low = bottom;
    if (value(top) > value(high)) high = top;
    step += isWhole ? BUCKET : 1;
  }
  return { lowest: low, highest: high };
}

/** The most that a series ever is; 0 of no steps. */
export const highestOf = (recording: Recording, series: Series): number => peaks.of(recording)[series].most;
