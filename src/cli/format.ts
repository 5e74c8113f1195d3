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

/** Breaks text at spaces so that no line is longer than `width`; further lines are indented by two. */
export function wrap(text: string, width = 100): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/ (?!%)/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = `  ${word}`;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].join('\n');
}

/** Three significant digits, thousands grouped: 0.0123, 1.23, 12.3, 1,234. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  // Beyond what anybody reads digit by digit.
  if (magnitude < -6 || magnitude > 9) return value.toExponential(2);
  const digits = Math.max(0, 2 - magnitude);
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export const whole = (value: number) => Math.round(value).toLocaleString('en-US');

export function percent(share: number): string {
  if (share > 0 && share < 0.0005) return '<0.1 %';
  return `${(share * 100).toFixed(share > 0 && share < 0.0995 ? 1 : 0)} %`;
}

/** Milliseconds as ms, s, min, h or days, whichever reads best. */
export function duration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 1) return `${number(ms)} ms`;
  if (seconds < 600) return `${number(seconds)} s`;
  if (seconds < 36_000) return `${number(seconds / 60)} min`;
  if (seconds < 864_000) return `${number(seconds / 3600)} h`;
  return `${number(seconds / 86_400)} d`;
}
