import type { Chart } from '../src/validation/study.ts';
import { type Look, looks } from './palette.ts';
import { drawPanel, titleLines } from './panel.ts';
import { escapeXml, round, textWidth } from './svg.ts';

const width = 900;
const margin = 20;
const gap = 28;
const fontSize = 11;

/** The charts of a study as small multiples, as SVG text; the same charts give the same bytes. */
export function figure(charts: readonly Chart[], title: string): string {
  const names = [...new Set(charts.flatMap(({ series }) => series.map(({ name }) => name)))];
  const look = looks(names);
  const columns = columnsFor(charts);
  const panelWidth = (width - 2 * margin - gap * (columns - 1)) / columns;
  const titles = charts.map(({ title }) => titleLines(title, panelWidth).length);
  const panels = charts.map((chart, i) => {
    const row = Math.floor(i / columns) * columns;
    const titleRows = Math.max(...titles.slice(row, row + columns));
    return { chart, ...drawPanel(chart, panelWidth, look, `plot-${i}`, titleRows) };
  });

  // A name stands once: in the legend, unless every panel that has it writes it beside its line.
  const inLegend = names.filter(name =>
    panels.some(
      ({ chart, labelled }) => chart.series.some(one => one.name === name) && !labelled.includes(name),
    ),
  );
  const published = charts.some(({ series }) => series.some(one => (one.published?.length ?? 0) > 0));
  const alone = names.length === 1 && !published;
  const legend = drawLegend(alone ? [] : inLegend, look, charts, published);

  let top = legend.bottom + 14;
  const body: string[] = [];
  for (let first = 0; first < panels.length; first += columns) {
    const row = panels.slice(first, first + columns);
    for (const [i, { svg }] of row.entries()) {
      body.push(
        `<g transform="translate(${round(margin + i * (panelWidth + gap))} ${round(top)})">${svg}</g>`,
      );
    }
    top += Math.max(...row.map(({ height }) => height)) + 12;
  }
  const height = Math.ceil(top);
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
    `role="img" aria-label="${escapeXml(title)}" font-family="system-ui, sans-serif" font-size="${fontSize}" fill="#222">` +
    `<rect width="${width}" height="${height}" fill="#fff"/>` +
    `<text x="${margin}" y="28" font-size="15" font-weight="700">${escapeXml(title)}</text>` +
    `${legend.svg}\n${body.join('\n')}\n</svg>\n`
  );
}

/** Bars need room for their names; many curves of one kind are compared side by side. */
function columnsFor(charts: readonly Chart[]): number {
  if (charts.length === 1) return 1;
  const many = charts.length === 3 || charts.length > 4;
  return many && charts.every(({ kind }) => kind === 'lines') ? 3 : 2;
}

function drawLegend(
  names: readonly string[],
  look: ReadonlyMap<string, Look>,
  charts: readonly Chart[],
  published: boolean,
): { svg: string; bottom: number } {
  const asLine = (name: string) =>
    charts.some(({ kind, series }) => kind === 'lines' && series.some(one => one.name === name));
  const entries = names.map(name => {
    const { colour, mark } = look.get(name)!;
    const sign = asLine(name)
      ? `<path d="M-9 0H9" stroke="${colour}" stroke-width="1.8"/><path d="${mark}" fill="${colour}"/>`
      : `<rect x="-6" y="-6" width="12" height="12" fill="${colour}"/>`;
    return { sign, text: name };
  });
  if (published) {
    const stacks = charts.every(({ kind }) => kind === 'stack');
    const sign = stacks
      ? '<rect x="-6" y="-6" width="12" height="12" fill="#fff" stroke="#222" stroke-width="1.4"/>'
      : '<circle r="4" fill="#fff" stroke="#222" stroke-width="1.4"/>';
    entries.push({ sign, text: 'hollow: published' });
  }
  let left = margin;
  let line = 50;
  const drawn = entries.map(({ sign, text }) => {
    const room = 26 + textWidth(text, fontSize) + 14;
    if (left > margin && left + room > width - margin) {
      left = margin;
      line += 18;
    }
    const at = left;
    left += room;
    return (
      `<g transform="translate(${round(at + 9)} ${line})">${sign}` +
      `<text x="14" y="4">${escapeXml(text)}</text></g>`
    );
  });
  return { svg: drawn.join(''), bottom: entries.length > 0 ? line + 8 : 34 };
}
