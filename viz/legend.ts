import type { Chart, ChartSeries } from '../src/validation/study.ts';
import { isEquality, isScatter } from './line-marks.ts';
import type { Look } from './palette.ts';
import { escapeXml, round, textWidth } from './svg.ts';

export interface LegendPlace {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  /** Where a figure without any legend goes on. */
  readonly bare: number;
}

interface LabelledChart {
  readonly chart: Chart;
  /** Series that the panel itself names. */
  readonly labelled: readonly string[];
}

interface Entry {
  readonly sign: string;
  readonly text: string;
}

const fontSize = 11;

/** What the colours and marks of a figure stand for; each name once, and none that the panels say themselves. */
export function drawLegend(
  panels: readonly LabelledChart[],
  look: ReadonlyMap<string, Look>,
  place: LegendPlace,
): { svg: string; bottom: number } {
  const all = panels.flatMap(({ chart }) => chart.series);
  const published = publishedEntry(panels.map(({ chart }) => chart));
  const names = [...new Set(all.map(({ name }) => name))];
  const shown = names.length === 1 && !published ? [] : names.filter(name => !isSaid(name, panels));
  const entries = [
    ...shown.map(name => ({ sign: signOf(name, panels, look.get(name)!), text: name })),
    ...(published ? [published] : []),
  ];
  let left = place.left;
  let line = place.top;
  const drawn = entries.map(({ sign, text }) => {
    const room = 26 + textWidth(text, fontSize) + 14;
    if (left > place.left && left + room > place.right) {
      left = place.left;
      line += 18;
    }
    const at = left;
    left += room;
    return (
      `<g transform="translate(${round(at + 9)} ${line})">${sign}` +
      `<text x="14" y="4">${escapeXml(text)}</text></g>`
    );
  });
  return { svg: drawn.join(''), bottom: entries.length > 0 ? line + 8 : place.bare };
}

/** Whether every panel that has the name says it beside its lines or, of bars that are alone there, by its title. */
function isSaid(name: string, panels: readonly LabelledChart[]): boolean {
  return panels
    .filter(({ chart }) => chart.series.some(one => one.name === name))
    .every(
      ({ chart, labelled }) =>
        labelled.includes(name) || (chart.kind === 'bars' && chart.series.length === 1),
    );
}

function signOf(name: string, panels: readonly LabelledChart[], { colour, mark }: Look): string {
  const own = panels.flatMap(({ chart }) =>
    chart.series.filter(one => one.name === name).map(series => ({ kind: chart.kind, series })),
  );
  const asLines = own.filter(({ kind }) => kind === 'lines');
  if (asLines.length === 0) return `<rect x="-6" y="-6" width="12" height="12" fill="${colour}"/>`;
  if (asLines.every(({ series }) => isScatter(series))) {
    return `<path d="${mark}" fill="#fff" stroke="${colour}" stroke-width="1.6"/>`;
  }
  if (asLines.every(({ series }) => isEquality(series))) {
    return `<path d="M-9 0H9" stroke="${colour}" stroke-width="1.2" stroke-dasharray="4 3"/>`;
  }
  return `<path d="M-9 0H9" stroke="${colour}" stroke-width="1.8"/><path d="${mark}" fill="${colour}"/>`;
}

/** For series that have figures of both kinds; one that is only marks is named like any other. */
function publishedEntry(charts: readonly Chart[]): Entry | undefined {
  const compared = charts.filter(({ kind, series }) => series.some(one => isCompared(kind, one)));
  if (compared.length === 0) return undefined;
  const sign = compared.every(({ kind }) => kind === 'stack')
    ? '<rect x="-6" y="-6" width="12" height="12" fill="#fff" stroke="#222" stroke-width="1.4"/>'
    : '<circle r="4" fill="#fff" stroke="#222" stroke-width="1.4"/>';
  return { sign, text: 'hollow: published' };
}

const isCompared = (kind: Chart['kind'], series: ChartSeries): boolean =>
  (series.published?.length ?? 0) > 0 && !(kind === 'lines' && isScatter(series));
