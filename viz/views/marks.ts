import type { Mark, Theme } from '../picture.ts';

/** Smallest text that is read from the back of a room; one size, as rank is shown by weight and colour. */
export const fontSize = 11;
export const rowHeight = 15;

/** Pixels that a text takes at most: fonts differ, and one that is cut is worse than one that leaves room. */
export const roomOf = (text: string, weight: 'normal' | 'bold' = 'normal') =>
  text.length * fontSize * (weight === 'bold' ? 0.66 : 0.6);

export function text(
  x: number,
  y: number,
  words: string,
  fill: string,
  anchor: 'start' | 'middle' | 'end' = 'start',
  weight: 'normal' | 'bold' = 'normal',
): Mark {
  return { kind: 'text', x, y, text: words, fill, size: fontSize, anchor, weight };
}

export function rect(
  x: number,
  y: number,
  width: number,
  height: number,
  fill: string,
  hatch?: string,
  stroke?: string,
): Mark {
  return { kind: 'rect', x, y, width, height, fill, ...(hatch && { hatch }), ...(stroke && { stroke }) };
}

export const outline = (x: number, y: number, width: number, height: number, stroke: string) =>
  rect(x, y, width, height, 'transparent', undefined, stroke);

export function line(points: readonly number[], color: string, width = 1, dash = false): Mark {
  return { kind: 'line', points, color, width, dash };
}

export interface Entry {
  /** Several are drawn side by side. */
  readonly colors: readonly string[];
  readonly hatch?: string;
  readonly text: string;
  /** There is nothing of it now: the first to go where there is no room for all. */
  readonly none?: boolean;
}

/** A colour and what it means, from (x, baseline) on. */
export function swatch(
  x: number,
  baseline: number,
  { colors, hatch, text: words }: Entry,
  theme: Theme,
): Mark[] {
  const width = 9 / colors.length;
  return [
    ...colors.map((color, i) => rect(x + i * width, baseline - 8.5, width, 9, color, hatch)),
    text(x + 13, baseline, words, theme.text),
  ];
}
