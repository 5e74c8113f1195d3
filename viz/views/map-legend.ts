import { slotKinds } from '../../src/core/kv-memory.ts';
import { blockHistory } from '../../src/trace/block-history.ts';
import type { Recording } from '../../src/trace/recording.ts';
import type { Mark, Theme } from '../picture.ts';
import { idleHatch, sharedHatch } from '../theme.ts';
import { type Entry, roomOf, rowHeight, swatch } from './marks.ts';
import { highestOf } from './peaks.ts';
import { percent } from './words.ts';

interface Item extends Entry {
  /** The longest that its text becomes, so that nothing moves as figures change. */
  readonly longest: string;
}

/** Kinds of slots that the run has at any time, and whether a block ever had two holders. */
function found(recording: Recording) {
  const kinds = slotKinds.filter(kind => kind === 'token' || highestOf(recording, kind) > 0);
  return { kinds: new Set<string>(kinds), shared: blockHistory.of(recording).shares };
}

const swatchRoom = 13;
const between = 12;

/** Rows that the legend takes in a width. */
export function legendRows(recording: Recording, width: number, theme: Theme): number {
  return place(items(recording, 0, width, theme), width).at(-1)?.row ?? 0;
}

/** What the colours of the memory map mean, and which share of the memory each has at a step. */
export function mapLegend(
  recording: Recording,
  step: number,
  left: number,
  width: number,
  theme: Theme,
): Mark[] {
  return place(items(recording, step, width, theme), width).flatMap(({ item, x, row }) =>
    swatch(left + x, 12 + row * rowHeight, item, theme),
  );
}

function items(recording: Recording, step: number, width: number, theme: Theme): Item[] {
  const { kinds, shared } = found(recording);
  const { steps, memory } = recording;
  // In a narrow picture the figures are in the memory over time, beside it.
  const figures = width >= 480;
  const list: Item[] = slotKinds
    .filter(kind => kinds.has(kind))
    .map(kind => {
      const name = kind === 'token' ? 'KV, by owner' : kind;
      const share = memory.capacity > 0 ? (steps.usage[kind][step] ?? 0) / memory.capacity : 0;
      return {
        colors: kind === 'token' ? [0, 1, 2].map(request => theme.owner(request)) : [theme.kinds[kind]],
        ...(kind === 'cached' && { hatch: idleHatch }),
        text: figures ? `${name} ${percent(share)}` : name,
        longest: figures ? `${name} 100 %` : name,
      };
    });
  if (shared) list.push({ colors: [theme.owner(0)], hatch: sharedHatch, text: 'shared', longest: 'shared' });
  return list;
}

function place(list: readonly Item[], width: number): { item: Item; x: number; row: number }[] {
  let [x, row] = [0, 0];
  return list.map(item => {
    const room = swatchRoom + roomOf(item.longest);
    if (x > 0 && x + room > width) [x, row] = [0, row + 1];
    const placed = { item, x, row };
    x += room + between;
    return placed;
  });
}
