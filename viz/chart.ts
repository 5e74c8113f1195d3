import type { Chart } from '../src/validation/study.ts';
import { needsWidth } from './bar-marks.ts';
import { drawLegend } from './legend.ts';
import { looks } from './palette.ts';
import { drawPanel, titleLines } from './panel.ts';
import { escapeXml, round } from './svg.ts';

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
  const rows = rowsOf(charts, columns, panelWidth).map(row => {
    const panelWide = row.length === 1 && needsWidth(row[0]!, panelWidth) ? width - 2 * margin : panelWidth;
    const titleRows = Math.max(...row.map(({ title }) => titleLines(title, panelWide).length));
    return row.map(chart => ({
      chart,
      ...drawPanel(chart, panelWide, look, `plot-${charts.indexOf(chart)}`, titleRows),
    }));
  });
  const legend = drawLegend(rows.flat(), look, { left: margin, right: width - margin, top: 50, bare: 34 });

  let top = legend.bottom + 14;
  const body: string[] = [];
  for (const row of rows) {
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

/** In order, as many in a row as there are columns; bars with more names than a column has room for stand alone. */
function rowsOf(charts: readonly Chart[], columns: number, room: number): Chart[][] {
  const rows: Chart[][] = [];
  let open = false;
  for (const chart of charts) {
    const alone = needsWidth(chart, room);
    if (open && !alone && rows.at(-1)!.length < columns) rows.at(-1)!.push(chart);
    else rows.push([chart]);
    open = !alone;
  }
  return rows;
}

/** Bars need room for their names; many curves of one kind are compared side by side. */
function columnsFor(charts: readonly Chart[]): number {
  if (charts.length === 1) return 1;
  const many = charts.length === 3 || charts.length > 4;
  return many && charts.every(({ kind }) => kind === 'lines') ? 3 : 2;
}
