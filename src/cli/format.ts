import { styleText } from 'node:util';
import Table from 'cli-table3';

/** Text for people: colours only on a terminal that wants them. */
export const bold = (text: string) =>
  process.stdout.isTTY && !process.env['NO_COLOR'] ? styleText('bold', text) : text;

/** A borderless table; columns of numbers are aligned to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const blank = [
    'top',
    'top-mid',
    'top-left',
    'top-right',
    'bottom',
    'bottom-mid',
    'bottom-left',
    'bottom-right',
  ];
  const lines = ['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'];
  const chars = { ...Object.fromEntries([...blank, ...lines].map(name => [name, ''])), middle: '  ' };
  const numeric = head.map((_, column) => rows.every(row => /^[-–—\d<>]/.test(row[column] ?? '')));
  const out = new Table({
    head: [...head].map(bold),
    chars,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colAligns: numeric.map(right => (right ? 'right' : 'left')),
  });
  out.push(...rows.map(row => [...row]));
  return out
    .toString()
    .split('\n')
    .map(line => line.trimEnd())
    .join('\n');
}

/** Three significant digits, thousands grouped: 0.0123, 1.23, 12.3, 1,234. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export const whole = (value: number) => Math.round(value).toLocaleString('en-US');

export function percent(share: number): string {
  if (share > 0 && share < 0.0005) return '<0.1 %';
  return `${(share * 100).toFixed(share > 0 && share < 0.0995 ? 1 : 0)} %`;
}

/** Milliseconds as ms, s or min, whichever reads best. */
export function duration(ms: number): string {
  if (ms < 1000) return `${number(ms)} ms`;
  if (ms < 600_000) return `${number(ms / 1000)} s`;
  return `${number(ms / 60_000)} min`;
}
