import { type Case, errorOf } from '../case.ts';
import type { Chart } from '../study.ts';

/** A case for each group: the mean of the absolute errors of its points, in percent; groups by their name. */
export function meanErrors(
  groups: ReadonlyMap<string, readonly Case[]>,
  bounds: Readonly<Record<string, number>> = {},
): Case[] {
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([group, own]) => {
      const mean = own.reduce((sum, point) => sum + Math.abs(errorOf(point)), 0) / own.length;
      const bound = bounds[group];
      return {
        what: `mean absolute error of ${group} (${own.length} rows)`,
        source: own[0]!.source,
        unit: '%',
        measured: 0,
        predicted: mean * 100,
        points: true,
        ...(bound !== undefined && { bound }),
      };
    });
}

/** Notes that name the five largest errors. */
export function worstOf(points: readonly Case[]): string[] {
  const sorted = [...points].sort((a, b) => Math.abs(errorOf(b)) - Math.abs(errorOf(a)));
  return sorted.slice(0, 5).map(({ what, unit, ...figures }) => {
    const [predicted, measured] = [figures.predicted, figures.measured as number].map(value =>
      value.toFixed(0),
    );
    return `among the worst: ${what} ${predicted} ${unit}, measured ${measured} ${unit}`;
  });
}

/** Predicted against measured, a mark for each point of each named series. */
export function scatter(name: string, unit: string, series: ReadonlyMap<string, readonly Case[]>): Chart {
  const marks = [...series].map(
    ([of, points]) =>
      [of, points.map(point => [point.measured as number, point.predicted] as const)] as const,
  );
  const measured = marks.flatMap(([, own]) => own.map(([figure]) => figure));
  const ends = [Math.min(...measured), Math.max(...measured)];
  return {
    title: `${name}: predicted against measured`,
    kind: 'lines',
    x: { label: `measured ${name} (${unit})`, log: true },
    y: { label: `predicted ${name} (${unit})`, log: true },
    series: [
      ...marks.map(([of, published]) => ({ name: of, points: [], published })),
      { name: 'predicted = measured', points: ends.map(figure => [figure, figure] as const) },
    ],
  };
}
