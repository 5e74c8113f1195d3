import type { Seconds } from '../../src/core/units.ts';

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

export const whole = (value: number) => grouped.format(value);

export function percent(share: number): string {
  if (share > 0 && share < 0.01) return '<1 %';
  // 100 % is only what is full.
  return `${share < 1 ? Math.min(99, Math.round(share * 100)) : 100} %`;
}

/** A stretch of time: 3.2 ms, 1.25 s. */
export function duration(seconds: Seconds): string {
  if (!Number.isFinite(seconds)) return '–';
  if (Math.abs(seconds) < 0.9995) return `${digits(seconds * 1e3)} ms`;
  return `${digits(seconds)} s`;
}

/** Three digits. */
export function digits(value: number): string {
  const size = Math.abs(value);
  if (size >= 99.95) return whole(value);
  return value.toFixed(size >= 9.995 ? 1 : size === 0 ? 0 : 2);
}

/** A moment, with the decimals that tell it from its neighbours `step` away. */
export function moment(time: Seconds, step: Seconds): string {
  const decimals = Math.min(6, Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)));
  return time.toFixed(decimals);
}

export const plural = (count: number, one: string, many = `${one}s`) =>
  `${whole(count)} ${count === 1 ? one : many}`;

/** How much memory there is, and in what pieces. */
export const blocksWords = (blocks: number, blockSize: number) =>
  blockSize === 1 ? plural(blocks, 'slot') : `${plural(blocks, 'block')} of ${plural(blockSize, 'slot')}`;
