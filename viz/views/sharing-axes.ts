import type { Mark, Pane, Theme } from '../picture.ts';
import { line, rect, roomOf, text } from './marks.ts';
import { LABELLED, nameOf, type SharingLayout, xOf, yOf } from './sharing-layout.ts';
import { unitOf } from './sharing-words.ts';
import { whole } from './words.ts';

/** Whose the rows are: as many as there is room for, the pinned before all others. */
export function rowNames(
  pane: Pane,
  layout: SharingLayout,
  pinned: number | undefined,
  theme: Theme,
): Mark[] {
  const { rows } = layout.tree;
  const marks: Mark[] = [];
  const names: { y: number; name: string; request: number; cached: boolean }[] = [];
  const single = layout.pitch >= LABELLED;
  for (let row = 0; row < rows.length; ) {
    const table = rows[row]!;
    const cached = layout.cached.has(table);
    let end = row + 1;
    // Samples that are too thin for names of their own share their request's.
    while (!single && rows[end]?.request === table.request && layout.cached.has(rows[end]!) === cached) end++;
    const [top, bottom] = [yOf(layout, row), yOf(layout, end) - 1];
    const color = cached ? theme.kinds.cached : theme.owner(table.request);
    marks.push(rect(layout.left - 6, top, 4, bottom - top, color));
    const name = single ? nameOf(pane, table) : String(pane.recording.requests[table.request]!.id);
    names.push({ y: (top + bottom) / 2 + 4, name, request: table.request, cached });
    row = end;
  }
  const taken: number[] = [];
  const rank = (of: { request: number; cached: boolean }) => (of.cached ? 2 : of.request === pinned ? 0 : 1);
  const byRank = [...names].sort((a, b) => rank(a) - rank(b));
  for (const { y, name, request, cached } of byRank) {
    if (taken.some(other => Math.abs(other - y) < LABELLED - 1)) continue;
    taken.push(y);
    const bold = request === pinned && !cached;
    const color = bold ? theme.text : theme.muted;
    marks.push(text(layout.left - 9, y, name, color, 'end', bold ? 'bold' : 'normal'));
  }
  return marks;
}

/** Numbers of logical blocks, and where the scale changes: what is shared is drawn wider. */
export function axis(pane: Pane, layout: SharingLayout, theme: Theme): Mark[] {
  const { left, right, top, bottom, depth, sharedDepth, sharedWidth } = layout;
  const y = bottom + 13;
  const first = `logical ${unitOf(pane)} 0`;
  const marks: Mark[] = [line([left, bottom + 1, right, bottom + 1], theme.grid)];
  const uneven = Math.abs(sharedWidth / sharedDepth - (right - left) / depth) > 0.5;
  if (sharedDepth > 0 && sharedDepth < depth && uneven) {
    const x = xOf(layout, sharedDepth);
    marks.push(line([x, top, x, bottom + 4], theme.muted, 1, true));
  }
  let free = left;
  const put = (words: string, x: number, anchor: 'start' | 'middle' | 'end') => {
    const room = roomOf(words);
    const from = anchor === 'start' ? x : anchor === 'middle' ? x - room / 2 : x - room;
    if (from < free || from + room > right + 1) return;
    marks.push(text(x, y, words, theme.muted, anchor));
    free = from + room + 8;
  };
  put(first, left, 'start');
  // The last number is what the others must leave room for.
  const end = whole(depth);
  const ticks = ticksOf(layout).filter(
    index => xOf(layout, index) + roomOf(whole(index)) / 2 < right - roomOf(end) - 8,
  );
  for (const index of ticks) put(whole(index), xOf(layout, index), 'middle');
  put(end, right, 'end');
  return marks;
}

/** Room that a number of four digits takes, and some to its neighbours. */
const SPACING = 36;

function ticksOf(layout: SharingLayout): number[] {
  const { depth, sharedDepth } = layout;
  const shared = roundOnes(layout, 0, sharedDepth);
  const own = roundOnes(layout, sharedDepth, depth);
  return [...shared, ...(sharedDepth > 0 ? [sharedDepth] : []), ...own];
}

/** Round numbers between two, as many as there is room for. */
function roundOnes(layout: SharingLayout, from: number, to: number): number[] {
  const room = (xOf(layout, to) - xOf(layout, from)) / SPACING;
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000].find(each => (to - from) / each <= room);
  if (step === undefined) return [];
  const first = Math.ceil((from + 1) / step) * step;
  const all = Array.from({ length: Math.max(0, Math.ceil((to - first) / step)) }, (_, i) => first + i * step);
  return all.filter(index => xOf(layout, to) - xOf(layout, index) >= SPACING);
}
