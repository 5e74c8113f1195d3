import { scaleBand, scaleLinear, scaleLog } from 'd3';
import type { Axis, Chart } from '../src/validation/study.ts';
import { textWidth } from './svg.ts';

export interface Tick {
  readonly at: number;
  readonly text: string;
}

/** Where a value lies, in pixels, and what the axis says. */
export interface Scale {
  at(value: number | string): number;
  readonly ticks: readonly Tick[];
  /** Ends in values; none of a scale of names. */
  readonly domain?: readonly [number, number];
  /** Room of one name; 0 of a scale of numbers. */
  readonly bandwidth: number;
}

type Range = readonly [from: number, to: number];

/** Names, for bars and wherever a point has one; numbers otherwise. */
export function xScale({ kind, x, series }: Chart, range: Range, fontSize: number): Scale {
  const values = series.flatMap(({ points, published = [] }) => [...points, ...published].map(([at]) => at));
  if (kind !== 'lines' || values.some(value => typeof value === 'string')) return bandScale(values, range);
  const scale = numberScale(x, values as number[], range, 'x');
  return { ...scale, ticks: thinned(scale.ticks, fontSize) };
}

export function yScale({ kind, y, series }: Chart, range: Range): Scale {
  const values =
    kind === 'stack'
      ? [...totals(series.map(one => one.points)), ...totals(series.map(one => one.published ?? []))]
      : series.flatMap(({ points, published = [] }) => [...points, ...published].map(([, value]) => value));
  return numberScale(y, values, range, kind === 'lines' ? 'y' : 'bars');
}

function totals(layers: readonly (readonly (readonly [number | string, number])[])[]): number[] {
  const sums = new Map<number | string, number>();
  for (const [x, y] of layers.flat()) sums.set(x, (sums.get(x) ?? 0) + y);
  return [...sums.values()];
}

function bandScale(values: readonly (number | string)[], [from, to]: Range): Scale {
  const names = [...new Set(values.map(String))];
  const scale = scaleBand(names, [from, to]).paddingInner(0.25).paddingOuter(0.15);
  const centre = (value: number | string) => scale(String(value))! + scale.bandwidth() / 2;
  return {
    at: centre,
    ticks: names.map(text => ({ at: centre(text), text })),
    bandwidth: scale.bandwidth(),
  };
}

type Use = 'x' | 'y' | 'bars';

function numberScale({ log, max }: Axis, all: readonly number[], range: Range, use: Use): Scale {
  const values = all.filter(value => Number.isFinite(value) && (!log || value > 0));
  const below = values.filter(value => max === undefined || value <= max);
  const low = Math.min(...(below.length > 0 ? below : [max ?? 1]));
  const high = max ?? Math.max(...(values.length > 0 ? values : [1]));
  return log ? logScale(low, high, max, values, range, use) : linearScale(low, high, max, range, use);
}

/** Heights begin at 0 even where all are far from it, as their ratios are read off. */
function linearScale(low: number, high: number, max: number | undefined, range: Range, use: Use): Scale {
  const fromZero = use !== 'x' || (low >= 0 && low < high * 0.35);
  const start = fromZero ? Math.min(0, low) : low;
  // A bar's figure stands above it.
  const room = use === 'bars' && max === undefined ? 1.06 : 1;
  const end = fromZero ? Math.max(0, high * room) : high;
  const scale = scaleLinear(start === end ? [start, start + 1] : [start, end], range);
  if (max === undefined) scale.nice(8);
  const [from, to] = scale.domain() as [number, number];
  const ticks = scale.ticks(5).map(value => ({ at: scale(value), text: tickText(value) }));
  return { at: value => scale(Number(value)), ticks, domain: [from, to], bandwidth: 0 };
}

function logScale(
  low: number,
  high: number,
  max: number | undefined,
  values: readonly number[],
  range: Range,
  use: Use,
): Scale {
  const steps = decades(low, high);
  const few = [...new Set(values)].sort((a, b) => a - b);
  // Block sizes, batch sizes: what was measured says more than round numbers.
  const own = use === 'x' && few.length <= 9 && few.length > 1;
  // A little room: the outermost marks would lie on the frame, and the smallest bar have no height.
  const from = own ? low / 1.1 : steps.findLast(step => step <= (use === 'bars' ? low / 1.5 : low))!;
  const to = max ?? (own ? high * 1.1 : steps.find(step => step >= high)!);
  const scale = scaleLog(from === to ? [from, from * 10] : [from, to], range);
  const ticks = (own ? few : steps).filter(value => value >= from && value <= to);
  return {
    at: value => scale(Math.max(Number(value), from / 1e3)),
    ticks: ticks.map(value => ({ at: scale(value), text: tickText(value) })),
    domain: [from, to],
    bandwidth: 0,
  };
}

/** 1, 2, 5, 10, … from below `low` to above `high`; where that is many, only the powers of ten. */
function decades(low: number, high: number): number[] {
  const [first, last] = [Math.floor(Math.log10(low)) - 1, Math.ceil(Math.log10(high)) + 1];
  const parts = Math.log10(high / low) > 3.5 ? [1] : [1, 2, 5];
  return Array.from({ length: last - first + 1 }, (_, i) => first + i).flatMap(exponent =>
    parts.map(part => Number(`${part}e${exponent}`)),
  );
}

/** Without those whose text would run into the one before. */
function thinned(ticks: readonly Tick[], fontSize: number): Tick[] {
  const kept: Tick[] = [];
  let free = Number.NEGATIVE_INFINITY;
  for (const tick of ticks) {
    const half = textWidth(tick.text, fontSize) / 2;
    if (tick.at - half < free) continue;
    kept.push(tick);
    free = tick.at + half + 6;
  }
  return kept;
}

function tickText(value: number): string {
  return value.toLocaleString('en-US', { maximumSignificantDigits: 4 });
}
