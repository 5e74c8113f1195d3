import {
  boundFigures,
  errorOf,
  type FigureName,
  type Figures,
  figureNames,
} from '../validation/live/served.ts';
import { stepFeatures } from '../validation/live/step-features.ts';
import type { StepFit } from '../validation/live/step-fit.ts';
import { duration, number, percent, table, whole, wrap } from './format.ts';

/** A workload, measured and predicted. */
export interface LiveComparison {
  readonly model: string;
  readonly device: string;
  readonly backend: string;
  readonly dtype: string;
  readonly policy: string;
  readonly requests: number;
  /** Requests a second; `inf`: all at once. */
  readonly rate: number | 'inf' | undefined;
  readonly measured: Figures;
  readonly predicted: Figures;
  /** What the steps of this run took of the time that the calibration expects of them; 1: the device kept its pace. */
  readonly pace: number;
  /** The same of each tenth of the steps, of those that calibrated and of those of this run. */
  readonly paces: { readonly calibration: readonly number[]; readonly run: readonly number[] };
  /** Predicted with that pace, which is known afterwards only: what is left is the simulation's own error. */
  readonly atPace: Figures;
  readonly fit: StepFit;
  readonly notes: readonly string[];
}

/** The table of a comparison: a figure a row. */
export function liveTable({ measured, predicted, atPace }: LiveComparison): {
  head: string[];
  rows: string[][];
} {
  return {
    head: ['', 'measured', 'predicted', 'error', 'at its pace'],
    rows: figureNames.map(name => [
      name.replaceAll('_', ' '),
      figure(name, measured[name]),
      figure(name, predicted[name]),
      signed(errorOf(predicted[name], measured[name])),
      signed(errorOf(atPace[name], measured[name])),
    ]),
  };
}

/** Throughput and mean latencies that are further off than a share. */
export function beyond({ measured, predicted }: LiveComparison, within: number): string[] {
  return boundFigures
    .map(name => [name, errorOf(predicted[name], measured[name])] as const)
    .filter(([, error]) => !(Math.abs(error) <= within))
    .map(([name, error]) => `${name.replaceAll('_', ' ')}: ${signed(error)}, bound ${percent(within)}`);
}

export function liveTitle(one: LiveComparison): string {
  const { model, device, backend, dtype, policy, requests, rate } = one;
  const load = rate === undefined ? '' : rate === 'inf' ? ', all at once' : `, ${number(rate)} requests/s`;
  return `${model} under ${policy} on ${device} (${backend}, ${dtype}): ${whole(requests)} requests${load}`;
}

/** What the steps cost, in a sentence. */
export function fitSentence({ steps, spread, seconds }: StepFit): string {
  const parts = stepFeatures
    .map((name, k) => [name, seconds[k]!] as const)
    .filter(([, value]) => value > 0)
    .map(([name, value]) => `${duration(value * 1000)} a ${name}`);
  return (
    `Calibrated on ${whole(steps)} steps of other requests: ${parts.join(', ')}. ` +
    `Half of these steps took within ${percent(spread)} of that.`
  );
}

/** How far the device's pace may be from what was calibrated, and its tenths from one another. */
const STEADY = { pace: 0.1, tenths: 1.25 };

/** Whether the device was the same in both runs, in a sentence. */
export function paceSentence({ pace, paces }: LiveComparison): string {
  const range = (tenths: readonly number[]) =>
    `${percent(Math.min(...tenths))} to ${percent(Math.max(...tenths))}`;
  return (
    `While it served, steps took ${percent(pace)} of the time that was calibrated; the last column is the error of a ` +
    `simulation that knows this. From tenth to tenth of the steps it was ${range(paces.run)}, and ` +
    `${range(paces.calibration)} while it calibrated.`
  );
}

/**
 * What the errors are worth where the device did not keep its pace; undefined where it did. A pace that is right in the
 * mean says little: requests that came while it was slow waited for one another.
 */
export function unsteady({ pace, paces }: LiveComparison): string | undefined {
  const apart = (tenths: readonly number[]) => Math.max(...tenths) / Math.min(...tenths);
  const most = Math.max(apart(paces.calibration), apart(paces.run));
  if (Math.abs(pace - 1) <= STEADY.pace && most <= STEADY.tenths) return undefined;
  return (
    'The device did not keep its pace: other programs used the machine, or it was throttled. The errors above are ' +
    'that at least as much as the simulation: run it again when the machine is quiet.'
  );
}

export function liveComparisonText(one: LiveComparison): string {
  const { head, rows } = liveTable(one);
  const notes = one.notes.map(note => wrap(`note: ${note}`));
  const noise = unsteady(one);
  return [
    wrap(liveTitle(one)),
    table(head, rows),
    ...(noise === undefined ? [] : [wrap(noise)]),
    [wrap(fitSentence(one.fit)), wrap(paceSentence(one)), ...notes].join('\n'),
  ].join('\n\n');
}

function figure(name: FigureName, value: number): string {
  return name.endsWith('throughput') ? `${number(value)}/s` : duration(value * 1000);
}

function signed(error: number): string {
  return Number.isFinite(error) ? `${error < 0 ? '-' : '+'}${(Math.abs(error) * 100).toFixed(1)} %` : '–';
}
