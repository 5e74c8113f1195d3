import { CACHED } from '../../src/trace/recording.ts';
import { lastEntryOf } from '../../src/trace/table-index.ts';
import type { Pane } from '../picture.ts';
import { lastTables, type Table } from './sharing-tables.ts';

/**
 * What is left of tables that ended: their beginnings, as far as every block is still cached, or held by a table that
 * begins alike. The last to end first. Of several that left the same, one.
 */
export function cachedTables({ recording, blocks, step }: Pane, live: readonly Table[]): Table[] {
  if (recording.steps.count === 0) return [];
  const cached: number[] = [];
  for (let block = 0; block < blocks.owner.length; block++)
    if (blocks.owner[block] === CACHED) cached.push(block);
  if (cached.length === 0) return [];
  const byFirst = new Map<number, Table[]>();
  for (const table of live) {
    const alike = byFirst.get(table.blocks[0]!);
    if (alike) alike.push(table);
    else byFirst.set(table.blocks[0]!, [table]);
  }
  const now = recording.tables.start[step + 1]!;
  const placeOf = (block: number) => {
    const entry = lastEntryOf(recording, block, now);
    return entry === undefined ? -1 : recording.tables.index[entry]!;
  };
  const seen = new Set<number>();
  const found: Table[] = [];
  for (const table of lastTables(recording, cached, step)) {
    const shared = Math.max(
      0,
      ...(byFirst.get(table.blocks[0]!) ?? []).map(other => commonLength(table, other)),
    );
    let end = shared;
    // One that was handed out since, and is cached again, holds something else.
    while (blocks.owner[table.blocks[end]!] === CACHED && placeOf(table.blocks[end]!) === end) end++;
    const tail = table.blocks[end - 1];
    if (end === shared || seen.has(tail!)) continue;
    for (let i = shared; i < end; i++) seen.add(table.blocks[i]!);
    found.push({ ...table, blocks: table.blocks.slice(0, end) });
  }
  return found;
}

function commonLength({ blocks: a }: Table, { blocks: b }: Table): number {
  let i = 0;
  while (i < a.length && i < b.length && a[i] === b[i]) i++;
  return i;
}
