import { tickStep, ticks } from 'd3';
import type { Seconds } from '../../src/core/units.ts';
import type { Mark, Pane, Size, Theme } from '../picture.ts';
import { type Entry, fontSize, line, rect, roomOf, rowHeight, swatch, text } from './marks.ts';
import { moment, whole } from './words.ts';

/** Where a view with a time axis plots. The margins are those of all such views, so that one cursor crosses them. */
export interface Plot {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly from: Seconds;
  readonly to: Seconds;
}

const margin = { left: 48, right: 122, top: 20, bottom: 20 };

export function plotOf({ window: [from, to] }: Pane, { width, height }: Size): Plot {
  return {
    left: margin.left,
    right: Math.max(margin.left + 40, width - margin.right),
    top: margin.top,
    bottom: Math.max(margin.top + 20, height - margin.bottom),
    from,
    // A run of nothing still has an axis.
    to: to > from ? to : from + 1,
  };
}

/** All that the static part of a plot depends on besides the recording. */
export const plotKey = ({ from, to }: Plot, { width, height }: Size, theme: Theme) =>
  `${width} ${height} ${from} ${to} ${theme.name}`;

export function xOf({ left, right, from, to }: Plot, time: Seconds): number {
  return left + ((time - from) / (to - from)) * (right - left);
}

/** The time at a point of the plot; undefined beside it. */
export function timeAt({ left, right, from, to }: Plot, x: number): Seconds | undefined {
  if (x < left || x > right) return undefined;
  return from + ((x - left) / (right - left)) * (to - from);
}

const count = (room: number, each: number) => Math.max(2, Math.floor(room / each));

/** The surface, the caption above it, and the axis below. */
export function frame(plot: Plot, caption: string, theme: Theme): Mark[] {
  const { left, right, top, bottom } = plot;
  return [
    rect(left, top, right - left, bottom - top, theme.surface),
    text(left, top - 7, caption, theme.muted),
    line([left, bottom, right, bottom], theme.muted),
    text(right + 44, bottom + 14, 'time in s', theme.muted),
  ];
}

/** Ticks of the time axis; those beneath the flag of the cursor make room for it. */
export function axisAndCursor(plot: Plot, { time }: Pane, theme: Theme): Mark[] {
  const { left, right, top, bottom, from, to } = plot;
  const wanted = count(right - left, 64);
  const step = tickStep(from, to, wanted);
  const shown = time >= from && time <= to;
  const x = Math.min(right, Math.max(left, xOf(plot, time)));
  const flag = moment(time, step / 100);
  const half = roomOf(flag, 'bold') / 2 + 4;
  const marks: Mark[] = [];
  for (const tick of ticks(from, to, wanted)) {
    const at = xOf(plot, tick);
    const words = moment(tick, step);
    marks.push(line([at, bottom, at, bottom + 3], theme.muted));
    if (!shown || Math.abs(at - x) > half + roomOf(words) / 2)
      marks.push(text(at, bottom + 14, words, theme.muted, 'middle'));
  }
  if (!shown) return marks;
  marks.push(
    line([x, top, x, bottom], theme.cursor, 1.5),
    rect(x - half, bottom + 3, half * 2, 15, theme.cursor),
    text(x, bottom + 14, flag, theme.background, 'middle', 'bold'),
  );
  return marks;
}

export interface ValueAxis {
  readonly marks: readonly Mark[];
  y(value: number): number;
}

/** What an axis of values says at a height; the lowest makes room for the axis of time. */
export const valueLabel = ({ left, bottom }: Plot, y: number, words: string, theme: Theme): Mark =>
  text(left - 6, Math.min(y + 4, bottom), words, theme.muted, 'end');

/** The axis of values, from 0 to `max`; whole numbers where nothing lies between them. */
export function valueAxis(plot: Plot, max: number, theme: Theme, integers = false): ValueAxis {
  const { left, right, top, bottom } = plot;
  const high = max > 0 ? max : 1;
  const y = (value: number) => bottom - (Math.min(value, high) / high) * (bottom - top);
  const values = ticks(0, high, count(bottom - top, 45)).filter(
    value => !integers || Number.isInteger(value),
  );
  const step = values.length > 1 ? values[1]! - values[0]! : high;
  const isLong = roomOf(whole(values.at(-1) ?? 0)) > left - 6;
  const name = (value: number) => {
    if (step < 1) return moment(value, step);
    return isLong && value > 0 ? `${whole(value / 1e3)}k` : whole(value);
  };
  return {
    y,
    marks: values.flatMap(value => [
      ...(value > 0 ? [line([left, y(value), right, y(value)], theme.grid)] : []),
      valueLabel(plot, y(value), name(value), theme),
    ]),
  };
}

/** What the colours mean and come to at the cursor, right of the plot; the last of a list is its lowest. */
export function sideLegend(plot: Plot, heading: string, entries: readonly Entry[], theme: Theme): Mark[] {
  const x = plot.right + 10;
  const room = Math.floor((plot.bottom - plot.top - fontSize) / rowHeight);
  return [
    text(x, plot.top + 9, heading, theme.text, 'start', 'bold'),
    ...fitting(entries, room).flatMap((entry, i) =>
      swatch(x, plot.top + 9 + rowHeight * (i + 1), entry, theme),
    ),
  ];
}

function fitting(entries: readonly Entry[], room: number): readonly Entry[] {
  let excess = Math.max(0, entries.length - room);
  const kept = entries.filter(({ none }) => !none || excess-- <= 0);
  return room > 0 ? kept.slice(-room) : [];
}
