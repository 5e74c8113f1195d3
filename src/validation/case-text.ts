import { type Case, errorOf } from './case.ts';

/** A figure as all accuracy tables show it: three digits, thousands grouped. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const digits = Math.abs(value) >= 1000 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 };
  return value.toLocaleString('en-US', digits);
}

export function measuredText({ measured, unit }: Case): string {
  const text = typeof measured === 'number' ? figure(measured) : measured.map(figure).join('–');
  return withUnit(text, unit);
}

export function predictedText({ predicted, unit }: Case): string {
  return withUnit(figure(predicted), unit);
}

/** Signed: `+3.4 %`, `-0.8 points`; `in range` where the record is one and holds the figure. */
export function errorText(of: Case): string {
  const error = errorOf(of);
  return error === 0 && typeof of.measured !== 'number' ? 'in range' : signed(error, of.points);
}

/** @param error relative, or in points; null: no number. */
export function signed(error: number | null, points = false): string {
  if (error === null || !Number.isFinite(error)) return 'no figure';
  const value = points ? error : error * 100;
  // What is small is still shown where a bound of nothing is crossed by it.
  const digits = Math.abs(value) >= 0.05 || Math.abs(value) < 0.005 ? 1 : 2;
  const shown = Number(value.toFixed(digits));
  // Neither -0.0 nor +0.0: no error has no sign.
  const sign = shown > 0 ? '+' : '';
  return `${sign}${(shown || 0).toFixed(digits)} ${points ? 'points' : '%'}`;
}

/** `5 %`, `2 points`; beside it what was aimed at, where that was missed. */
export function boundText({ bound, aim, points }: Case): string {
  const text = (limit: number) => (points ? `${figure(limit)} points` : `${figure(limit * 100)} %`);
  const parts = [
    ...(bound === undefined ? [] : [text(bound)]),
    ...(aim === undefined ? [] : [`aim ${text(aim)}`]),
  ];
  return parts.join(', ') || '–';
}

function withUnit(text: string, unit: string): string {
  return unit === '' || text === figure(Number.NaN) ? text : `${text} ${unit}`;
}
