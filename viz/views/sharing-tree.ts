import type { Table } from './sharing-tables.ts';

/** Blocks `[from, to)` that rows `[first, last)` have in common; behind them the rows part, or end. */
export interface Branch {
  readonly first: number;
  readonly last: number;
  readonly from: number;
  readonly to: number;
  /** A table that they are in: its `[from, to)` are the blocks. */
  readonly blocks: readonly number[];
}

export interface Tree {
  /** Tables in an order in which those that begin alike are neighbours. */
  readonly rows: readonly Table[];
  readonly branches: readonly Branch[];
  /** Rows at which a table begins that has nothing in common with the one above. */
  readonly roots: readonly number[];
}

/** The radix tree of tables. Those that come first stay first, so that a tree that grows does not jump. */
export function treeOf(tables: readonly Table[]): Tree {
  const rows: Table[] = [];
  const branches: Branch[] = [];
  const roots: number[] = [];
  const grow = (group: readonly Table[], from: number): void => {
    const blocks = group[0]!.blocks;
    let to = blocks.length;
    for (const other of group) to = Math.min(to, commonUntil(blocks, other.blocks, from, to));
    const first = rows.length;
    for (const part of partsAt(group, to)) {
      if (part[0]!.blocks.length > to) grow(part, to);
      else rows.push(...part);
    }
    if (to > from) branches.push({ first, last: rows.length, from, to, blocks });
  };
  for (const group of partsAt(tables, 0)) {
    roots.push(rows.length);
    grow(group, 0);
  }
  return { rows, branches, roots };
}

function commonUntil(a: readonly number[], b: readonly number[], from: number, to: number): number {
  const end = Math.min(to, b.length);
  for (let i = from; i < end; i++) if (a[i] !== b[i]) return i;
  return end;
}

/** Tables by their block at a place; those that end before it are a part. */
function partsAt(tables: readonly Table[], index: number): Table[][] {
  const parts = new Map<number | undefined, Table[]>();
  for (const table of tables) {
    const block = table.blocks[index];
    // Where a window has passed, nothing says that they are alike.
    const key = block === -1 ? -2 - parts.size : block;
    const part = parts.get(key);
    if (part) part.push(table);
    else parts.set(key, [table]);
  }
  return [...parts.values()];
}
