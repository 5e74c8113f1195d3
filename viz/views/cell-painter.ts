import type { Mark } from '../picture.ts';
import type { CellGrid } from './cell-grid.ts';

export interface Look {
  readonly fill: string;
  readonly hatch: string | undefined;
}

interface Run {
  readonly kind: 'rect';
  readonly x: number;
  readonly y: number;
  width: number;
  readonly height: number;
  readonly fill: string;
  readonly hatch?: string;
}

/** From this height on, whose a block is shows beneath the slots without KV. */
const STRIPED = 10;
const stripeOf = (height: number) => (height < STRIPED ? 0 : Math.max(2, Math.round(height * 0.12)));

/** Rectangles of cells. Where no gap is between cells, neighbours that look alike become one. */
export class CellPainter {
  readonly #marks: Run[] = [];
  readonly #grid: CellGrid;

  constructor(grid: CellGrid) {
    this.#grid = grid;
  }

  get marks(): readonly Mark[] {
    return this.#marks;
  }

  /** A cell of one look. */
  whole(cell: number, fill: string, hatch: string | undefined): void {
    const { x, y, columns, gap } = this.#grid;
    const row = Math.floor(cell / columns);
    const column = cell - row * columns;
    const top = y[row]!;
    this.#add(x[column]!, x[column + 1]! - gap, top, y[row + 1]! - gap - top, fill, hatch);
  }

  /** A cell that holds KV up to a share of it, is reserved up to another, and waste from there on. */
  parts(cell: number, kv: number, used: number, held: Look, reserved: Look, waste: Look): void {
    const { x, y, columns, gap } = this.#grid;
    const row = Math.floor(cell / columns);
    const column = cell - row * columns;
    const [left, right, top] = [x[column]!, x[column + 1]! - gap, y[row]!];
    const height = y[row + 1]! - gap - top;
    const edge = (share: number) => {
      const at = left + Math.round((right - left) * share);
      // What is there shows, however little it is, as long as the cell has room for all.
      if (right - left < 6) return at;
      return share <= 0 ? left : share >= 1 ? right : Math.min(right - 1, Math.max(left + 1, at));
    };
    const [a, b] = [edge(kv), edge(used)];
    const stripe = kv < 1 ? stripeOf(height) : 0;
    if (a > left) this.#add(left, a, top, height, held.fill, held.hatch);
    if (b > a) this.#add(a, b, top, height - stripe, reserved.fill, reserved.hatch);
    if (right > b) this.#add(Math.max(a, b), right, top, height - stripe, waste.fill, waste.hatch);
    if (stripe > 0) this.#add(a, right, top + height - stripe, stripe, held.fill, undefined);
  }

  #add(x: number, right: number, y: number, height: number, fill: string, hatch: string | undefined): void {
    const last = this.#grid.gap > 0 ? undefined : this.#marks[this.#marks.length - 1];
    if (
      last !== undefined &&
      last.x + last.width === x &&
      last.y === y &&
      last.height === height &&
      last.fill === fill &&
      last.hatch === hatch
    ) {
      last.width += right - x;
      return;
    }
    const width = right - x;
    this.#marks.push(
      hatch === undefined
        ? { kind: 'rect', x, y, width, height, fill }
        : { kind: 'rect', x, y, width, height, fill, hatch },
    );
  }
}
