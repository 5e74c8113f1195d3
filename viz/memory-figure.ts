import { area, curveStepAfter, max, mean, scaleLinear, stack } from 'd3';
import { type SlotKind, slotKinds } from '../src/core/kv-memory.ts';
import type { SeriesResult } from '../src/sim/results.ts';
import { escapeXml, round } from './svg.ts';

/** Colour of each kind of slot: waste is warm, tokens are blue; told apart by the colour-blind as well (Okabe–Ito). */
export const kindColours: Record<SlotKind, string> = {
  token: '#0072b2',
  reserved: '#e69f00',
  internal: '#d55e00',
  external: '#cc79a7',
  cached: '#56b4e9',
  free: '#eeeeee',
};

/** What a panel shows: one policy's memory over time. */
export interface Panel {
  readonly title: string;
  readonly subtitle: string;
  readonly series: SeriesResult;
}

const width = 860;
const panelHeight = 170;
const maxPoints = 150;
const margin = { left: 52, right: 30, top: 44, bottom: 26 };

/** KV memory by kind over time, a panel a policy on one time axis, as SVG text. The same input gives the same bytes. */
export function memoryFigure(panels: readonly Panel[]): string {
  const seconds = max(panels, ({ series }) => series.interval_s * series.batch_size.length) ?? 1;
  const unit = seconds > 600 ? { name: 'min', seconds: 60 } : { name: 's', seconds: 1 };
  const x = scaleLinear([0, seconds / unit.seconds], [margin.left, width - margin.right]);
  const y = scaleLinear([0, 1], [panelHeight - margin.bottom, margin.top]);
  const height = panelHeight * panels.length + 40;
  const body = panels.map((panel, i) => {
    const { series, title, subtitle } = panel;
    // As many points as pixels can show apart.
    const every = Math.max(1, Math.ceil(series.batch_size.length / maxPoints));
    const points = Math.ceil(series.batch_size.length / every);
    const times = Array.from({ length: points + 1 }, (_, t) => t);
    const at = (kind: SlotKind, t: number) =>
      mean(series.memory[kind].slice(Math.min(t, points - 1) * every, Math.min(t + 1, points) * every)) ?? 0;
    const layers = stack<number, SlotKind>()
      .keys(slotKinds)
      .value((t, kind) => at(kind, t))(times);
    const shape = area<(typeof layers)[number][number]>()
      .x(d => round(x((d.data * every * series.interval_s) / unit.seconds)))
      .y0(d => round(y(d[0])))
      .y1(d => round(y(d[1])))
      .curve(curveStepAfter);
    const paths = layers.map(layer => `<path fill="${kindColours[layer.key]}" d="${shape(layer)}"/>`);
    const grid = [0, 0.5, 1].map(
      share =>
        `<text x="${margin.left - 6}" y="${round(y(share) + 4)}" text-anchor="end">${share * 100} %</text>` +
        `<line x1="${margin.left - 3}" x2="${margin.left}" y1="${round(y(share))}" y2="${round(y(share))}" stroke="#777"/>`,
    );
    const ticks = x
      .ticks(8)
      .map(
        tick =>
          `<text x="${round(x(tick))}" y="${panelHeight - margin.bottom + 15}" text-anchor="middle">${tick} ${unit.name}</text>`,
      );
    return (
      `<g transform="translate(0 ${i * panelHeight})"><text x="${margin.left}" y="${margin.top - 12}">` +
      `<tspan font-weight="bold">${escapeXml(title)}</tspan>  ${escapeXml(subtitle)}</text>` +
      `${paths.join('')}${grid.join('')}${ticks.join('')}</g>`
    );
  });
  const legend = slotKinds.map((kind, i) => {
    const left = margin.left + i * 104;
    const outline = kind === 'free' ? ' stroke="#999"' : '';
    return (
      `<rect x="${left}" y="${height - 26}" width="12" height="12" fill="${kindColours[kind]}"${outline}/>` +
      `<text x="${left + 18}" y="${height - 16}">${kind}</text>`
    );
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
    `role="img" aria-label="KV memory by kind over time" font-family="system-ui, sans-serif" font-size="12" fill="#222">` +
    `<rect width="${width}" height="${height}" fill="#fff"/>${body.join('')}${legend.join('')}</svg>\n`
  );
}
