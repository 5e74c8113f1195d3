import { CACHED, FREE } from '../../src/trace/recording.ts';
import type { Mark, Pane, Size, Theme, View } from '../picture.ts';
import { idleHatch, ink, light, sharedHatch } from '../theme.ts';
import { copyBegins, freeIsUseless, wasteKind } from './block-slots.ts';
import { blockWords } from './block-words.ts';
import { type CellGrid, cellAt, cellGrid } from './cell-grid.ts';
import { CellPainter } from './cell-painter.ts';
import { legendRows, mapLegend } from './map-legend.ts';
import { fontSize, outline, roomOf, rowHeight, text } from './marks.ts';
import { stepName } from './steps.ts';
import { blocksOf, holdingsOf } from './tables.ts';
import { blocksWords, percent, whole } from './words.ts';

const margin = { left: 48, right: 8, top: 6, bottom: 20 };
/** From this size on, a cell says whose it is. */
const READABLE = 24;

/** Every block of KV memory, coloured by the request that holds it; waste in reds. */
export const memoryMap: View = {
  name: 'memory-map',
  title: 'KV memory map',

  draw(pane, size, theme) {
    const { recording, step } = pane;
    const { memory, steps } = recording;
    const grid = gridOf(pane, size);
    const width = size.width - margin.left - margin.right;
    const held = memory.capacity > 0 ? (steps.usage.token[step] ?? 0) / memory.capacity : 0;
    return {
      ...size,
      label:
        `KV memory at ${stepName(step)}: ${blocksWords(memory.numBlocks, memory.blockSize)}, ` +
        `${percent(held)} of the slots hold KV`,
      marks: [
        ...mapLegend(recording, step, margin.left, width, theme),
        ...cells(pane, grid, theme),
        ...names(pane, grid),
        ...pinned(pane, grid, theme),
        ...addresses(pane, grid, size, theme),
      ],
    };
  },

  at(pane, size, x, y) {
    const grid = gridOf(pane, size);
    const cell = cellAt(grid, x, y);
    if (cell === undefined) return undefined;
    const block = cell * grid.perCell;
    return { pin: { kind: 'block', block }, text: blockWords(pane, block) };
  },
};

/** Remembers the last grids: every move of the mouse asks for one. */
const grids = new Map<string, CellGrid>();

function gridOf({ recording }: Pane, { width, height }: Size): CellGrid {
  const room = Math.max(20, width - margin.left - margin.right);
  // The rows of the legend are the same in all themes.
  const top = margin.top + (legendRows(recording, room, light) + 1) * rowHeight;
  const key = `${recording.memory.numBlocks} ${width} ${height} ${top}`;
  let grid = grids.get(key);
  if (!grid) {
    if (grids.size >= 16) grids.clear();
    const area = { width: room, height: Math.max(20, height - top - margin.bottom) };
    grid = cellGrid(recording.memory.numBlocks, margin.left, top, area);
    grids.set(key, grid);
  }
  return grid;
}

function cells({ recording, blocks, step }: Pane, grid: CellGrid, theme: Theme): readonly Mark[] {
  const { blockSize } = recording.memory;
  const painter = new CellPainter(grid);
  const freeHatch = freeIsUseless(recording, step) ? theme.kinds.external : undefined;
  const copy = copyBegins(recording, blocks, step);
  for (let cell = 0; cell < grid.cells; cell++) {
    const block = cell * grid.perCell;
    const owner = blocks.owner[block]!;
    if (owner === FREE && block >= copy) painter.whole(cell, theme.kinds.external, undefined);
    else if (owner === FREE) painter.whole(cell, theme.kinds.free, freeHatch);
    else if (owner === CACHED) painter.whole(cell, theme.kinds.cached, idleHatch);
    else {
      const color = theme.owner(owner);
      const hatch = blocks.refs[block]! > 1 ? sharedHatch : undefined;
      const filled = blocks.filled[block]!;
      if (filled >= blockSize) painter.whole(cell, color, hatch);
      else {
        const used = blockSize - blocks.unused[block]!;
        painter.parts(
          cell,
          filled / blockSize,
          used / blockSize,
          { fill: color, hatch },
          { fill: theme.kinds.reserved, hatch },
          { fill: theme.kinds[wasteKind(recording, blocks, block)], hatch },
        );
      }
    }
  }
  return painter.marks;
}

/** Whose block it is, and which of its request's, where there is room to say so. */
function names({ recording, blocks, step }: Pane, grid: CellGrid): Mark[] {
  const { x, y, columns, rows, gap } = grid;
  const width = (x[columns]! - x[0]!) / columns - gap;
  const height = (y[rows]! - y[0]!) / rows - gap;
  if (width < READABLE || height < READABLE || grid.perCell > 1) return [];
  const marks: Mark[] = [];
  const two = height >= 34;
  for (let block = 0; block < grid.cells; block++) {
    const owner = blocks.owner[block]!;
    // Round-up and pads are nobody's block.
    if (owner < 0 || blocks.refs[block] === 0) continue;
    const id = String(recording.requests[owner]!.id);
    if (roomOf(id, 'bold') > width - 2) continue;
    const middle = (x[block % columns]! + x[(block % columns) + 1]! - gap) / 2;
    const row = Math.floor(block / columns);
    const centre = (y[row]! + y[row + 1]! - gap) / 2;
    marks.push(text(middle, centre + (two ? -3 : 4), id, ink, 'middle', 'bold'));
    if (!two) continue;
    const index = holdingsOf(recording, block, step).find(({ request }) => request === owner)?.index;
    if (index !== undefined && roomOf(`#${index}`) <= width - 2)
      marks.push(text(middle, centre + fontSize, `#${index}`, ink, 'middle'));
  }
  return marks;
}

/** Outlines of what is pinned; neighbours in a row have one together. */
function pinned({ recording, step, pin }: Pane, grid: CellGrid, theme: Theme): Mark[] {
  const { x, y, columns, perCell, gap } = grid;
  const request =
    pin?.kind === 'request'
      ? pin.request
      : pin?.kind === 'decision'
        ? recording.decisions[pin.decision]?.request
        : undefined;
  const held = request === undefined ? [] : [...blocksOf(recording, request, step)];
  const all = pin?.kind === 'block' ? [pin.block] : held;
  const chosen = [...new Set(all.map(block => Math.floor(block / perCell)))].sort((a, b) => a - b);
  const marks: Mark[] = [];
  for (let i = 0; i < chosen.length; i++) {
    const first = chosen[i]!;
    const row = Math.floor(first / columns);
    let last = first;
    while (chosen[i + 1] === last + 1 && Math.floor((last + 1) / columns) === row) last = chosen[++i]!;
    const [left, top] = [x[first % columns]!, y[row]!];
    marks.push(
      outline(left, top, x[(last % columns) + 1]! - gap - left, y[row + 1]! - gap - top, theme.cursor),
    );
  }
  return marks;
}

/** Numbers of the blocks that rows begin with, and what the picture is of. */
function addresses({ recording }: Pane, grid: CellGrid, { width, height }: Size, theme: Theme): Mark[] {
  const { numBlocks, blockSize } = recording.memory;
  const { y, rows, columns, perCell } = grid;
  const every = Math.max(1, Math.ceil((fontSize + 4) / ((y[rows]! - y[0]!) / rows)));
  const marks: Mark[] = [];
  for (let row = 0; row < rows; row += every) {
    const baseline = every === 1 ? (y[row]! + y[row + 1]!) / 2 + 4 : y[row]! + 9;
    marks.push(text(margin.left - 6, baseline, whole(row * columns * perCell), theme.muted, 'end'));
  }
  const what = blocksWords(numBlocks, blockSize);
  const long = perCell > 1 ? `${what}, ${perCell} a cell` : what;
  const longer = `${long}; at the left the number of a row's first`;
  const said = [longer, long].find(words => roomOf(words) < width - margin.left) ?? what;
  marks.push(text(margin.left, height - 6, said, theme.muted));
  return marks;
}
