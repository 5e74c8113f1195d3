import type { Mark, Pane, Theme } from '../picture.ts';
import { idleHatch, ink, sharedHatch } from '../theme.ts';
import { fontSize, outline, rect, roomOf, text } from './marks.ts';
import { LABELLED, type SharingLayout, xOf, yOf } from './sharing-layout.ts';
import { type Piece, piecesOf } from './sharing-pieces.ts';
import type { Branch } from './sharing-tree.ts';
import { unitOf } from './sharing-words.ts';
import { plural, whole } from './words.ts';

/** From this width on, blocks stand apart. */
const APART = 4;

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The tree: what several tables hold once, as tall as they are many; behind it what each has alone. */
export function treeMarks(pane: Pane, layout: SharingLayout, theme: Theme): Mark[] {
  const shapes: Mark[] = [];
  const words: Mark[] = [];
  for (const branch of layout.tree.branches) {
    for (const piece of piecesOf(branch, pane)) {
      const [fill, hatch] = lookOf(piece, branch, pane, theme);
      const cells = piece.kind === 'own' || piece.kind === 'cached' ? [piece] : cellsOf(piece, layout);
      for (const cell of cells) {
        const box = boxOf(layout, branch, cell.from, cell.to);
        shapes.push(rect(box.x, box.y, box.width, box.height, fill, hatch));
        words.push(...labels(pane, cell, branch, box, [fill, hatch], theme));
      }
      if (piece.kind === 'copied') shapes.push(wedge(boxOf(layout, branch, piece.from, piece.to)));
    }
  }
  return [...shapes, ...words];
}

function lookOf({ kind, from }: Piece, { blocks }: Branch, pane: Pane, theme: Theme) {
  if (kind === 'cached') return [theme.kinds.cached, idleHatch] as const;
  const owner = pane.blocks.owner[blocks[from]!]!;
  return [theme.owner(owner), kind === 'shared' ? sharedHatch : undefined] as const;
}

/** Blocks one by one, where there is room. */
function cellsOf(piece: Piece, layout: SharingLayout): Piece[] {
  if (xOf(layout, piece.from + 1) - xOf(layout, piece.from) < APART) return [piece];
  return Array.from({ length: piece.to - piece.from }, (_, i) => ({
    ...piece,
    from: piece.from + i,
    to: piece.from + i + 1,
  }));
}

function boxOf(layout: SharingLayout, { first, last }: Branch, from: number, to: number): Box {
  const [x, y] = [xOf(layout, from), yOf(layout, first)];
  const width = xOf(layout, to) - x;
  return { x, y, width: width - (width < APART ? 0 : 1), height: yOf(layout, last) - y - 1 };
}

/** What was copied carries a corner. */
function wedge({ x, y, width, height }: Box): Mark {
  const arm = Math.min(7, width, height);
  return { kind: 'area', points: [x, y, x + arm, y, x, y + arm], color: ink };
}

function labels(
  pane: Pane,
  piece: Piece,
  { blocks }: Branch,
  box: Box,
  [fill, hatch]: readonly [fill: string, hatch: string | undefined],
  theme: Theme,
): Mark[] {
  if (box.height < LABELLED - 1) return [];
  const lines = linesOf(piece, blocks[piece.from]!, unitOf(pane)).flatMap(variants => {
    const fitting = variants.find(words => roomOf(words, 'bold') <= box.width - 6);
    return fitting === undefined ? [] : [fitting];
  });
  // Of two lines in little height, what was copied is said before its own number.
  const both = box.height >= 2 * LABELLED + (hatch ? 8 : 0);
  const shown = both ? lines : lines.slice(piece.copy && lines.length > 1 ? 1 : 0).slice(0, 1);
  const color = piece.kind === 'cached' ? theme.text : ink;
  const x = box.x + box.width / 2;
  const top = box.y + box.height / 2 - (shown.length * LABELLED) / 2 + fontSize;
  const weightOf = (line: number) => (line === 0 && piece.kind !== 'cached' ? 'bold' : 'normal');
  const room = Math.max(0, ...shown.map((words, i) => roomOf(words, weightOf(i))));
  // Lines of a hatch would run through the letters.
  const behind = rect(x - room / 2 - 1, top - fontSize, room + 2, shown.length * LABELLED, fill);
  return [
    ...(hatch && shown.length > 0 ? [behind] : []),
    ...shown.map((words, i) => text(x, top + i * LABELLED, words, color, 'middle', weightOf(i))),
  ];
}

/** What is written on blocks, line by line; of each the first that fits. */
function linesOf({ kind, from, to, refs, copy }: Piece, block: number, unit: string): string[][] {
  const count = to - from;
  const what = count > 1 ? [plural(count, unit), whole(count)] : [`${unit} ${block}`, String(block)];
  if (kind === 'shared') return [what, [`in ${whole(refs)} tables`, `×${whole(refs)}`]];
  if (kind === 'cached') return [count > 1 ? [`${whole(count)} cached`, whole(count)] : what];
  if (copy)
    return [what, [`copied: was ${unit} ${copy.from}`, `was ${unit} ${copy.from}`, `was ${copy.from}`]];
  return [what];
}

/** Outlines of a pinned block, or of all that a pinned request holds. */
export function pinnedMarks(
  pane: Pane,
  layout: SharingLayout,
  request: number | undefined,
  theme: Theme,
): Mark[] {
  const { pin } = pane;
  return layout.tree.branches.flatMap(branch => {
    if (pin?.kind === 'block') {
      const at = branch.blocks.indexOf(pin.block, branch.from);
      if (at < 0 || at >= branch.to) return [];
      const { x, y, width, height } = boxOf(layout, branch, at, at + 1);
      return [outline(x, y, Math.max(2, width), height, theme.cursor)];
    }
    const rows = layout.tree.rows.slice(branch.first, branch.last);
    if (request === undefined || !rows.some(table => table.request === request && !layout.cached.has(table)))
      return [];
    return piecesOf(branch, pane).map(({ from, to }) => {
      const { x, y, width, height } = boxOf(layout, branch, from, to);
      return outline(x, y, width, height, theme.cursor);
    });
  });
}
