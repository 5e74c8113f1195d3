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

/** A bar a series at each name, its published figure a hollow mark on it. */
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
      const text = figure(value);
      if (textWidth(text, fontSize) > width + 4) continue;
      const centre = left(at) + (width - 1) / 2;
      const marked = published.some(([other, figure]) => other === at && Math.abs(y.at(figure) - to) < 16);
      // Within a bar that is cut off, and at its foot where a mark lies on its end.
      if (to < frame.top) bars.push(label(text, centre, frame.top + 11, inkOn(colour)));
      else if (!marked) bars.push(label(text, centre, value < 0 ? to + 10 : to - 3, '#333'));
      else if (height > 26 && value > 0) bars.push(label(text, centre, ground - 4, inkOn(colour)));
    }
    for (const [at, value] of published.filter(drawable)) {
      const [cx, cy] = [round(left(at) + (width - 1) / 2), round(y.at(value))];
      marks.push(`<circle cx="${cx}" cy="${cy}" r="4" fill="#fff" stroke="#222" stroke-width="1.4"/>`);
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

function rect(x: number, y: number, width: number, height: number, style: string): string {
  return (
    `<rect x="${round(x)}" y="${round(y)}" width="${round(Math.max(0, width))}" ` +
    `height="${round(Math.max(0, height))}" ${style}/>`
  );
}
