import type { Size } from '../picture.ts';

/** Cells of whole pixels in reading order; together they fill the area, but for the end of the last row. */
export interface CellGrid {
  readonly columns: number;
  readonly rows: number;
  /** Blocks that share a cell, where there are more than an eye can tell apart. */
  readonly perCell: number;
  readonly cells: number;
  /** Where columns and rows begin, and where the last ends. */
  readonly x: Int32Array;
  readonly y: Int32Array;
  /** Pixels of background between cells. */
  readonly gap: number;
}

/** Below this a cell is a dot, and pixels of the screen are all it could be told by. */
const SMALLEST = 2;
/** From this size on, cells stand apart. */
const APART = 6;

export function cellGrid(blocks: number, left: number, top: number, { width, height }: Size): CellGrid {
  const room = Math.max(1, Math.floor(width / SMALLEST) * Math.floor(height / SMALLEST));
  const perCell = Math.max(1, Math.ceil(blocks / room));
  const cells = Math.ceil(blocks / perCell);
  const columns = columnsFor(cells, width, height);
  const rows = Math.max(1, Math.ceil(cells / columns));
  const x = Int32Array.from({ length: columns + 1 }, (_, i) => Math.round(left + (i * width) / columns));
  const y = Int32Array.from({ length: rows + 1 }, (_, i) => Math.round(top + (i * height) / rows));
  const smallest = Math.min(width / columns, height / rows);
  return { columns, rows, perCell, cells, x, y, gap: smallest < APART ? 0 : smallest < 24 ? 1 : 2 };
}

/** As square as can be, without much of the last row left over. */
function columnsFor(cells: number, width: number, height: number): number {
  const square = Math.sqrt((Math.max(1, cells) * width) / height);
  const most = Math.min(Math.max(1, cells), Math.ceil(square * 1.6), Math.max(1, Math.floor(width / 1)));
  let best = { columns: 1, cost: Number.POSITIVE_INFINITY };
  for (let columns = Math.max(1, Math.floor(square / 1.6)); columns <= most; columns++) {
    const rows = Math.ceil(cells / columns);
    if (rows > height) continue;
    const left = (rows * columns - cells) / Math.max(1, cells);
    const shape = Math.abs(Math.log(width / columns / (height / rows)));
    // Rows that begin at round numbers are read off more easily.
    const cost = 3 * left + shape * shape - (columns % 8 === 0 ? 0.02 : 0);
    if (cost < best.cost) best = { columns, cost };
  }
  return best.columns;
}

/** The cell at a point; undefined beside all. */
export function cellAt({ columns, cells, x, y }: CellGrid, px: number, py: number): number | undefined {
  const column = interval(x, px);
  const row = interval(y, py);
  if (column === undefined || row === undefined) return undefined;
  const cell = row * columns + column;
  return cell < cells ? cell : undefined;
}

function interval(edges: Int32Array, at: number): number | undefined {
  const last = edges.length - 1;
  if (at < edges[0]! || at >= edges[last]!) return undefined;
  let i = Math.min(last - 1, Math.floor(((at - edges[0]!) / (edges[last]! - edges[0]!)) * last));
  while (at < edges[i]!) i--;
  while (at >= edges[i + 1]!) i++;
  return i;
}
