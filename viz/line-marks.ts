import { line } from 'd3';
import type { Chart, ChartSeries } from '../src/validation/study.ts';
import type { Look } from './palette.ts';
import type { Frame } from './panel.ts';
import type { Scale } from './scales.ts';
import { escapeXml, round, textWidth } from './svg.ts';

export interface Marks {
  /** Cut off at the frame. */
  readonly inside: string;
  readonly outside: string;
  readonly labelled: readonly string[];
}

type Point = readonly [x: number | string, y: number];

const lineHeight = 13;
/** More marks than this on a line only thicken it. */
const mostMarks = 40;

/** Room to the right that the names of the lines take, or 0 where the lines do not all end there. */
export function endLabels({ kind, x, y, series }: Chart, width: number): number {
  if (kind !== 'lines' || series.length < 2 || series.length > 8 || width < 380) return 0;
  const end = Math.max(...series.flatMap(({ points }) => points.map(([at]) => Number(at))));
  const start = Math.min(...series.flatMap(({ points }) => points.map(([at]) => Number(at))));
  const place = (value: number) =>
    x.log ? Math.log(value / start) / Math.log(end / start) : (value - start) / (end - start);
  const reaches = series.every(one => {
    const last = joined(one).at(-1);
    return (
      last !== undefined && place(Number(last[0])) > 0.9 && last[1] <= (y.max ?? Number.POSITIVE_INFINITY)
    );
  });
  const widest = Math.max(...series.map(({ name }) => textWidth(name, 11)));
  return reaches && (x.max === undefined || end <= x.max) && widest < width / 3 ? widest + 14 : 0;
}

/** Marks alone, which no line joins: one a deployment, a measurement. */
export const isScatter = ({ points, published }: ChartSeries): boolean =>
  points.length === 0 && published !== undefined && published.length > 0;

/** What is predicted is what is measured: a rule to read others by, with no figures of its own. */
export const isEquality = ({ points }: ChartSeries): boolean =>
  points.length > 1 && points.every(([x, y]) => x === y);

export function lineMarks(
  chart: Chart,
  x: Scale,
  y: Scale,
  frame: Frame,
  looks: ReadonlyMap<string, Look>,
  named: boolean,
): Marks {
  const path = line<Point>(
    point => round(x.at(point[0])),
    point => round(y.at(point[1])),
  );
  const [, top = Number.POSITIVE_INFINITY] = y.domain ?? [];
  const inside = chart.series.map(one => {
    const { colour, mark } = looks.get(one.name)!;
    const points = joined(one).filter(([at, value]) => drawable(chart, at, value));
    // What is cut off has its line, which leaves the frame, and no mark.
    const marked =
      points.length > mostMarks || isEquality(one) ? [] : points.filter(([, value]) => value <= top);
    const stroke =
      points.length > 1
        ? `<path d="${path(points)}" fill="none" stroke="${colour}" stroke-width="${isEquality(one) ? '1.2" stroke-dasharray="4 3' : '1.8'}"/>`
        : '';
    return stroke + marked.map(point => placed(point, x, y, mark, `fill="${colour}"`)).join('');
  });
  // Above all lines: hollow, so that the line behind a mark is seen to pass.
  const published = chart.series.flatMap(({ name, published: given = [] }) => {
    const { colour, mark } = looks.get(name)!;
    return given
      .filter(([at, value]) => drawable(chart, at, value) && value <= top)
      .map(point => placed(point, x, y, mark, `fill="#fff" stroke="${colour}" stroke-width="1.6"`));
  });
  const labels = named ? names(chart, y, frame, looks) : [];
  return {
    inside: [...inside, ...published].join(''),
    outside: labels.join(''),
    labelled: named ? chart.series.map(({ name }) => name) : [],
  };
}

/** The name of each line beside its end, moved apart where they would lie on each other. */
function names(chart: Chart, y: Scale, frame: Frame, looks: ReadonlyMap<string, Look>): string[] {
  const ends = chart.series
    .map(one => ({ name: one.name, at: y.at(joined(one).at(-1)![1]) }))
    .sort((a, b) => a.at - b.at);
  for (const [i, end] of ends.entries()) {
    if (i > 0) end.at = Math.max(end.at, ends[i - 1]!.at + lineHeight);
  }
  let limit = frame.bottom;
  for (const end of ends.reverse()) {
    end.at = Math.min(end.at, limit);
    limit = end.at - lineHeight;
  }
  return ends.map(
    ({ name, at }) =>
      `<text x="${round(frame.right + 8)}" y="${round(at + 4)}" fill="${looks.get(name)!.colour}">${escapeXml(name)}</text>`,
  );
}

/** The points in order of x, without those that are no numbers. */
function joined({ points }: ChartSeries): Point[] {
  const numbers = points.filter(([, y]) => Number.isFinite(y));
  return numbers.some(([x]) => typeof x === 'string')
    ? [...numbers]
    : [...numbers].sort(([a], [b]) => Number(a) - Number(b));
}

function drawable(chart: Chart, x: number | string, y: number): boolean {
  if (!Number.isFinite(y) || (chart.y.log && y <= 0)) return false;
  return typeof x === 'string' || (Number.isFinite(x) && !(chart.x.log && x <= 0));
}

function placed([atX, atY]: Point, x: Scale, y: Scale, mark: string, style: string): string {
  return `<path transform="translate(${round(x.at(atX))} ${round(y.at(atY))})" d="${mark}" ${style}/>`;
}
