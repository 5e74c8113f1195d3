import type { Recording } from '../../src/trace/recording.ts';
import { type Grouped, groupBy } from '../../src/trace/search.ts';

/** The block table of a sequence, logical to physical; −1 where a window has passed. */
export interface Table {
  readonly request: number;
  readonly sequence: number;
  readonly blocks: readonly number[];
}

interface Index {
  readonly byRequest: Grouped;
  readonly byBlock: Grouped;
  /** The entry with which a request let go of its last block for good; beyond all entries when it never does. */
  readonly overAt: Int32Array;
}

const indices = new WeakMap<Recording, Index>();

function indexOf(recording: Recording): Index {
  let index = indices.get(recording);
  if (!index) {
    const { tables, requests, memory } = recording;
    const byRequest = groupBy(tables.request, requests.length);
    const overAt = Int32Array.from(requests, (_, request) => over(recording, byRequest, request));
    indices.set(recording, (index = { byRequest, byBlock: groupBy(tables.block, memory.numBlocks), overAt }));
  }
  return index;
}

function over({ tables }: Recording, { start, order }: Grouped, request: number): number {
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

/** All tables that hold memory at a step, by request and sequence. */
export function tablesAt(recording: Recording, step: number): Table[] {
  const { tables, requests, steps } = recording;
  if (steps.count === 0) return [];
  const { byRequest, overAt } = indexOf(recording);
  const end = tables.start[step + 1]!;
  const live: Table[] = [];
  for (let request = 0; request < requests.length; request++) {
    if (overAt[request]! < end) continue;
    for (const [sequence, blocks] of tablesOf(recording, byRequest, request, end, true)) {
      while (blocks.length > 0 && blocks.at(-1)! < 0) blocks.pop();
      if (blocks.length > 0) live.push({ request, sequence, blocks });
    }
  }
  return live;
}

/** Tables of a request from its entries before `end`; with or without what was let go. */
function tablesOf(
  { tables }: Recording,
  { start, order }: Grouped,
  request: number,
  end: number,
  letGo: boolean,
): [sequence: number, blocks: number[]][] {
  const found: number[][] = [];
  for (let i = start[request]!; i < start[request + 1]!; i++) {
    const entry = order[i]!;
    if (entry >= end) break;
    const block = tables.block[entry]!;
    if (block < 0 && !letGo) continue;
    const blocks = (found[tables.sequence[entry]!] ??= []);
    const index = tables.index[entry]!;
    while (blocks.length < index) blocks.push(-1);
    blocks[index] = block;
  }
  const all: [number, number[]][] = [];
  found.forEach((blocks, sequence) => {
    all.push([sequence, blocks]);
  });
  return all;
}

/** The table that named each of these blocks last, as it was before it let go, and the blocks' places in it. */
export function lastTables(recording: Recording, blocks: readonly number[], step: number): Table[] {
  const { tables } = recording;
  const { byRequest, byBlock, overAt } = indexOf(recording);
  const end = tables.start[step + 1]!;
  const wanted = new Map<number, Set<number>>();
  for (const block of blocks) {
    const entry = lastBefore(byBlock, block, end);
    // Of a request that came back, the table is another one now.
    if (entry === undefined || overAt[tables.request[entry]!]! >= end) continue;
    const request = tables.request[entry]!;
    const sequences = wanted.get(request) ?? new Set();
    wanted.set(request, sequences.add(tables.sequence[entry]!));
  }
  return [...wanted]
    .sort(([a], [b]) => overAt[b]! - overAt[a]!)
    .flatMap(([request, sequences]) =>
      tablesOf(recording, byRequest, request, end, false)
        .filter(([sequence]) => sequences.has(sequence))
        .map(([sequence, named]) => ({ request, sequence, blocks: named })),
    );
}

/** The entry of a table that named a block last; undefined: none did. */
export function lastEntryOf(recording: Recording, block: number, step: number): number | undefined {
  return lastBefore(indexOf(recording).byBlock, block, recording.tables.start[step + 1]!);
}

/** The last entry of a group before another one. */
function lastBefore({ start, order }: Grouped, group: number, end: number): number | undefined {
  let [low, high] = [start[group]!, start[group + 1]!];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (order[middle]! < end) low = middle + 1;
    else high = middle;
  }
  return low > start[group]! ? order[low - 1] : undefined;
}
