import { blockHistory } from './block-history.ts';
import { decisionColumns, typeIndex } from './decision-columns.ts';
import { Derived } from './derived.ts';
import type { Recording } from './recording.ts';
import { type Grouped, groupBy, groupOf, lastNotAfter } from './search.ts';

/** Entries of block tables by what they are about, and who holds memory when. */
export interface TableIndex {
  readonly byRequest: Grouped;
  /** Undefined where what a block held before is never asked for: nothing is cached, and nothing copied. */
  readonly byBlock: Grouped | undefined;
  /** The entry with which a request let go of its last block for good; beyond all entries when it never does. */
  readonly overAt: Int32Array;
  /** At every so many entries, the requests whose tables are under way. */
  readonly underWay: Grouped;
}

/** Entries between two lists of requests that are under way. */
const SPACING = 4096;

export const tableIndex = new Derived('tables', (recording): TableIndex => {
  const { tables, requests, memory, decisions } = recording;
  const byRequest = groupBy(tables.request, requests.length);
  const overAt = new Int32Array(requests.length);
  for (let request = 0; request < requests.length; request++)
    overAt[request] = endOf(recording, byRequest, request);
  const looksBack =
    blockHistory.of(recording).caches || decisionColumns(decisions).type.includes(typeIndex('copied'));
  return {
    byRequest,
    byBlock: looksBack ? groupBy(tables.block, memory.numBlocks) : undefined,
    overAt,
    underWay: underWay(recording, byRequest, overAt),
  };
});

function endOf({ tables }: Recording, { start, order }: Grouped, request: number): number {
  const [from, to] = [start[request]!, start[request + 1]!];
  const state: number[][] = [];
  let named = 0;
  for (let i = from; i < to; i++) {
    const entry = order[i]!;
    const table = (state[tables.sequence[entry]!] ??= []);
    const [index, block] = [tables.index[entry]!, tables.block[entry]!];
    named += Number(block >= 0) - Number((table[index] ?? -1) >= 0);
    table[index] = block;
  }
  return named > 0 || to === from ? tables.block.length : order[to - 1]!;
}

function underWay({ tables }: Recording, { start, order }: Grouped, overAt: Int32Array): Grouped {
  const starts: number[] = [0];
  const lists: number[] = [];
  let alive: number[] = [];
  for (let entry = 0; entry < tables.request.length; entry++) {
    const request = tables.request[entry]!;
    if (order[start[request]!] === entry) alive.push(request);
    if ((entry + 1) % SPACING !== 0) continue;
    alive = alive.filter(one => overAt[one]! > entry);
    for (const one of alive) lists.push(one);
    starts.push(lists.length);
  }
  return { start: Int32Array.from(starts), order: Int32Array.from(lists) };
}

/** Requests whose tables hold memory before an entry, ascending; some may hold none for a while. */
export function holdersAt(recording: Recording, end: number): number[] {
  const { overAt, underWay: lists } = tableIndex.of(recording);
  const list = Math.floor(end / SPACING);
  const found = new Set<number>(list > 0 ? groupOf(lists, list - 1) : []);
  for (let entry = list * SPACING; entry < end; entry++) found.add(recording.tables.request[entry]!);
  return [...found].filter(request => overAt[request]! >= end).sort((a, b) => a - b);
}

/** The last entry before `end` that names a block; undefined: none does. */
export function lastEntryOf(recording: Recording, block: number, end: number): number | undefined {
  const { byBlock } = tableIndex.of(recording);
  if (!byBlock) return undefined;
  const group = groupOf(byBlock, block);
  return group[lastNotAfter(group, end - 1, entry => entry)];
}
