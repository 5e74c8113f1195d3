import type { Axis, Chart } from '../src/validation/study.ts';
import { barMarks } from './bar-marks.ts';
import { endLabels, lineMarks } from './line-marks.ts';
import type { Look } from './palette.ts';
import { type Scale, type Tick, xScale, yScale } from './scales.ts';
import { escapeXml, round, textWidth } from './svg.ts';

const plotHeight = 190;
const titleLine = 16;
const fontSize = 11;

export interface Frame {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export interface Panel {
  readonly svg: string;
  readonly height: number;
  /** Series that are named beside their lines, so that the legend need not. */
  readonly labelled: readonly string[];
}

/**
 * One chart of the figure, `width` wide, from (0, 0) on.
 * @param id tells its clip path from the others'.
 * @param titleRows lines that the longest title of its row takes, so that the plots stand level.
 */
export function drawPanel(
  chart: Chart,
  width: number,
  looks: ReadonlyMap<string, Look>,
  id: string,
  titleRows: number,
): Panel {
  const title = titleLines(chart.title, width);
  const top = titleRows * titleLine + 24;
  const beside = endLabels(chart, width);
  const frame = (left: number): Frame => ({
    left,
    right: width - Math.max(10, beside),
    top,
    bottom: top + plotHeight,
  });
  // The labels of the y axis say how wide they are before the x axis can be laid out.
  const y = yScale(chart, [frame(0).bottom, top]);
  const plain = frame(Math.max(...y.ticks.map(({ text }) => textWidth(text, fontSize)), 14) + 12);
  const slanted = isSlanted(xScale(chart, [plain.left, plain.right], fontSize));
  const box = slanted ? roomForNames(chart, plain) : plain;
  const x = xScale(chart, [box.left, box.right], fontSize);
  const below = slanted ? 8 + Math.max(...x.ticks.map(({ text }) => textWidth(text, fontSize))) * 0.58 : 16;
  const marks =
    chart.kind === 'lines'
      ? lineMarks(chart, x, y, box, looks, beside > 0)
      : barMarks(chart, x, y, box, looks);
  const svg =
    title
      .map(
        (text, i) =>
          `<text x="0" y="${12 + (titleRows - title.length + i) * titleLine}" font-size="13" font-weight="600">${escapeXml(text)}</text>`,
      )
      .join('') +
    `<text x="0" y="${top - 10}" fill="#555">${escapeXml(axisLabel(chart.y))}</text>` +
    yAxis(y, box) +
    xAxis(x, box, slanted) +
    `<text x="${round((box.left + box.right) / 2)}" y="${round(box.bottom + below + 16)}" text-anchor="middle" fill="#555">` +
    `${escapeXml(axisLabel(chart.x))}</text>` +
    `<clipPath id="${id}"><rect x="${round(box.left - 5)}" y="${top - 5}" width="${round(box.right - box.left + 10)}" height="${plotHeight + 10}"/></clipPath>` +
    `<g clip-path="url(#${id})">${marks.inside}</g>${marks.outside}`;
  return { svg, height: round(box.bottom + below + 30), labelled: marks.labelled };
}

function isSlanted({ bandwidth, ticks }: Scale): boolean {
  return bandwidth > 0 && ticks.some(({ text }) => textWidth(text, fontSize) > bandwidth * 1.25);
}

/** A slanted name reaches to the left of its bar: the plot begins where all of them lie on the panel. */
function roomForNames(chart: Chart, box: Frame): Frame {
  const { ticks } = xScale(chart, [box.left, box.right], fontSize);
  const outside = Math.max(...ticks.map(({ at, text }) => textWidth(text, fontSize) * Math.cos(SLANT) - at));
  // The first bar moves with the plot.
  return { ...box, left: box.left + Math.max(0, outside) };
}

const SLANT = (35 * Math.PI) / 180;

/** Who reads a height off a plot must know whether it counts or multiplies. */
function axisLabel({ label, log }: Axis): string {
  return log ? `${label}${label === '' ? '' : ', '}log scale` : label;
}

function yAxis(y: Scale, { left, right }: Frame): string {
  const line = (tick: Tick) =>
    `<line x1="${round(left)}" x2="${round(right)}" y1="${round(tick.at)}" y2="${round(tick.at)}" stroke="#e4e4e4"/>` +
    `<text x="${round(left - 6)}" y="${round(tick.at + 4)}" text-anchor="end">${escapeXml(tick.text)}</text>`;
  return y.ticks.map(line).join('');
}

function xAxis(x: Scale, { left, right, bottom }: Frame, slanted: boolean): string {
  const axis = `<line x1="${round(left)}" x2="${round(right)}" y1="${bottom}" y2="${bottom}" stroke="#777"/>`;
  const label = ({ at, text }: Tick) => {
    const shown = escapeXml(text);
    if (slanted) {
      const place = `translate(${round(at + 3)} ${bottom + 12}) rotate(-35)`;
      return `<text transform="${place}" text-anchor="end">${shown}</text>`;
    }
    return `<text x="${round(at)}" y="${bottom + 15}" text-anchor="middle">${shown}</text>`;
  };
  const notch = ({ at }: Tick) =>
    x.bandwidth > 0
      ? ''
      : `<line x1="${round(at)}" x2="${round(at)}" y1="${bottom}" y2="${bottom + 3}" stroke="#777"/>`;
  return axis + x.ticks.map(tick => notch(tick) + label(tick)).join('');
}

/** Broken at spaces where the panel ends. */
export function titleLines(title: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of title.split(' ')) {
    const longer = lines.length > 0 ? `${lines.at(-1)} ${word}` : word;
    if (lines.length > 0 && textWidth(longer, 13, true) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
