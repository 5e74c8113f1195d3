import type { Seconds } from '../../core/units.ts';
import type { Case } from '../case.ts';
import type { Chart, ChartSeries } from '../study.ts';
import type { Knee } from './knee.ts';

/** What one figure of the paper contributes to its study. */
export interface Section {
  readonly cases: readonly Case[];
  readonly charts: readonly Chart[];
}

/** Said before each search; resolves when whoever shows the progress had a turn. */
export type Report = (label: string) => Promise<void>;

/**
 * A line has left the plot where it passes this mean normalised latency, seconds a token: half the height of
 * the paper's axes, where every line is as good as vertical. Between a quarter and the full height, knees move
 * by a tenth at most, but for FasterTransformer's, whose latency rises slowly.
 */
export const LIMIT: Seconds = 0.5;

/** Knees are read off a printed figure to this accuracy. */
export const READING = 0.15;

/** Mean normalised latency against the rate, cut off where the paper's axis ends. */
export function latencyChart(title: string, series: readonly ChartSeries[]): Chart {
  return {
    title,
    kind: 'lines',
    x: { label: 'request rate (requests/s)' },
    y: { label: 'normalised latency (s/token)', max: 1 },
    series,
  };
}

/** The points of a search, and where the figure has its knee. */
export function lineOf(name: string, knee: Knee, published?: number): ChartSeries {
  return {
    name,
    points: knee.points,
    ...(published !== undefined && { published: [[published, LIMIT] as const] }),
  };
}
