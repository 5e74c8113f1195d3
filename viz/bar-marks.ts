import { hsl } from 'd3';
import { figure } from '../src/validation/case-text.ts';
import type { Chart } from '../src/validation/study.ts';
import type { Marks } from './line-marks.ts';
import { fixedColour, type Look } from './palette.ts';
import type { Frame } from './panel.ts';
import type { Scale } from './scales.ts';
import { escapeXml, round, textWidth } from './svg.ts';

type Point = readonly [x: number | string, y: number];

const fontSize = 10;

export function barMarks(
  chart: Chart,
  x: Scale,
  y: Scale,
  frame: Frame,
  looks: ReadonlyMap<string, Look>,
): Marks {
  const inside = chart.kind === 'stack' ? stacked(chart, x, y, looks) : sideBySide(chart, x, y, frame, looks);
  return { inside, outside: '', labelled: ownColours(chart) ? chart.series.map(({ name }) => name) : [] };
}

/** A lone series whose bars are named for policies: each has its policy's colour, and no legend says more. */
function ownColours({ kind, series }: Chart): boolean {
  return (
    kind === 'bars' &&
    series.length === 1 &&
    series[0]!.points.every(([name]) => fixedColour(name) !== undefined)
  );
}

/** Whether slanted names would run into each other in a panel of this width. */
export function needsWidth({ kind, series }: Chart, width: number): boolean {
  if (kind === 'lines') return false;
  const names = new Set(
    series.flatMap(({ points, published = [] }) => [...points, ...published].map(([at]) => at)),
  );
  return names.size * NAME > width - 40;
}

/** Room of a slanted name, and a little. */
const NAME = 22;

/** A bar a series at each name, its published figure a hollow mark on it; figures of all bars, or of none. */
function sideBySide(
  chart: Chart,
  x: Scale,
  y: Scale,
  frame: Frame,
  looks: ReadonlyMap<string, Look>,
): string {
  const width = x.bandwidth / chart.series.length;
  const ground = groundOf(y, frame);
  const byName = ownColours(chart);
  const labelled = chart.series.every(({ points }) =>
    points.every(([, value]) => textWidth(figure(value), fontSize) <= width + 4),
  );
  const split = chart.series.every(({ points, published = [] }) =>
    [...points, ...published].every(([, value]) => textWidth(figure(value), fontSize) + 8 <= width / 2),
  );
  const bars: string[] = [];
  const marks: string[] = [];
  for (const [i, { name, points, published = [] }] of chart.series.entries()) {
    const { colour: own } = looks.get(name)!;
    const left = (at: number | string) => x.at(at) - x.bandwidth / 2 + i * width;
    for (const [at, value] of points.filter(drawable)) {
      const colour = (byName && fixedColour(at)) || own;
      const to = y.at(value);
      const height = Math.abs(to - ground);
      bars.push(rect(left(at), Math.min(to, ground), width - 1, height, `fill="${colour}"`));
      if (!labelled) continue;
      const down = value < 0;
      // Beyond the end of the bar; where marks have their figures as well, left of them, and else beyond them.
      const beside = split && published.some(([other]) => other === at);
      const near = published
        .filter(([other]) => other === at && !beside)
        .map(([, figure]) => y.at(figure))
        .filter(mark => Math.abs(mark - to) < 18);
      const end = down
        ? Math.max(to, ...near.map(mark => mark + 5))
        : Math.min(to, ...near.map(mark => mark - 5));
      const centre = left(at) + (width - 1) / (beside ? 4 : 2);
      const isCut = to < frame.top;
      bars.push(
        label(
          figure(value),
          centre,
          isCut ? frame.top + 11 : down ? end + 10 : end - 3,
          isCut ? inkOn(colour) : '#333',
        ),
      );
    }
    for (const [at, value] of published.filter(drawable)) {
      const [cx, cy] = [left(at) + (width - 1) / 2, y.at(value)];
      marks.push(
        `<circle cx="${round(cx)}" cy="${round(cy)}" r="4" fill="#fff" stroke="#222" stroke-width="1.4"/>`,
      );
      if (labelled && split) marks.push(haloed(figure(value), cx + 7, cy + 3.5));
    }
  }
  return [...bars, ...marks].join('');
}

/** The series on each other at each name, the published ones hollow beside them. */
function stacked(chart: Chart, x: Scale, y: Scale, looks: ReadonlyMap<string, Look>): string {
  const paired = chart.series.some(({ published }) => published !== undefined && published.length > 0);
  const width = Math.min(paired ? x.bandwidth / 2 : x.bandwidth, 70);
  const layers: string[] = [];
  const reached = { points: new Map<string, number>(), published: new Map<string, number>() };
  for (const { name, points, published = [] } of chart.series) {
    const { colour } = looks.get(name)!;
    const layer = (
      of: readonly Point[],
      so: Map<string, number>,
      shift: number,
      style: string,
      ink: string,
    ) => {
      for (const [at, value] of of.filter(drawable)) {
        const from = so.get(String(at)) ?? 0;
        so.set(String(at), from + value);
        const [top, bottom] = [y.at(from + value), y.at(from)];
        const left = x.at(at) + shift;
        layers.push(rect(left, top, width - 2, bottom - top, style));
        const text = figure(value);
        if (bottom - top >= 11 && textWidth(text, fontSize) <= width - 4) {
          layers.push(label(text, left + (width - 2) / 2, (top + bottom) / 2 + 3.5, ink));
        }
      }
    };
    layer(points, reached.points, paired ? -width : -width / 2, `fill="${colour}"`, inkOn(colour));
    layer(published, reached.published, 1, `fill="#fff" stroke="${colour}" stroke-width="1.4"`, '#333');
  }
  return layers.join('');
}

/** Where bars stand: at zero, or at the lower end of an axis that has none. */
function groundOf(y: Scale, { bottom }: Frame): number {
  const [low, high] = y.domain!;
  return low <= 0 && high >= 0 ? y.at(0) : bottom;
}

function inkOn(colour: string): string {
  return hsl(colour).l > 0.62 ? '#222' : '#fff';
}

function drawable([, y]: Point): boolean {
  return Number.isFinite(y);
}

function label(text: string, x: number, y: number, colour: string): string {
  return (
    `<text x="${round(x)}" y="${round(y)}" text-anchor="middle" font-size="${fontSize}" fill="${colour}">` +
    `${escapeXml(text)}</text>`
  );
}

/** Read on a bar as well as beside it. */
function haloed(text: string, x: number, y: number): string {
  return (
    `<text x="${round(x)}" y="${round(y)}" font-size="${fontSize}" fill="#222" stroke="#fff" stroke-width="3" ` +
    `stroke-linejoin="round" paint-order="stroke">${escapeXml(text)}</text>`
  );
}

function rect(x: number, y: number, width: number, height: number, style: string): string {
  return (
    `<rect x="${round(x)}" y="${round(y)}" width="${round(Math.max(0, width))}" ` +
    `height="${round(Math.max(0, height))}" ${style}/>`
  );
}
