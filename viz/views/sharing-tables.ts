import type { Recording } from '../../src/trace/recording.ts';
import { groupOf } from '../../src/trace/search.ts';
import { holdersAt, lastEntryOf, tableIndex } from '../../src/trace/table-index.ts';

/** The block table of a sequence, logical to physical; −1 where a window has passed. */
export interface Table {
  readonly request: number;
  readonly sequence: number;
  readonly blocks: readonly number[];
}

/** All tables that hold memory at a step, by request and sequence. */
export function tablesAt(recording: Recording, step: number): Table[] {
  const { tables, steps } = recording;
  if (steps.count === 0) return [];
  const end = tables.start[step + 1]!;
  const live: Table[] = [];
  for (const request of holdersAt(recording, end)) {
    for (const [sequence, blocks] of tablesOf(recording, request, end, true)) {
      while (blocks.length > 0 && blocks.at(-1)! < 0) blocks.pop();
      if (blocks.length > 0) live.push({ request, sequence, blocks });
    }
  }
  return live;
}

/** Tables of a request from its entries before `end`; with or without what was let go. */
function tablesOf(
  recording: Recording,
  request: number,
  end: number,
  letGo: boolean,
): [sequence: number, blocks: number[]][] {
  const { tables } = recording;
  const found: number[][] = [];
  for (const entry of groupOf(tableIndex.of(recording).byRequest, request)) {
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
  const { overAt } = tableIndex.of(recording);
  const end = tables.start[step + 1]!;
  const wanted = new Map<number, Set<number>>();
  for (const block of blocks) {
    const entry = lastEntryOf(recording, block, end);
    // Of a request that came back, the table is another one now.
    if (entry === undefined || overAt[tables.request[entry]!]! >= end) continue;
    const request = tables.request[entry]!;
    const sequences = wanted.get(request) ?? new Set();
    wanted.set(request, sequences.add(tables.sequence[entry]!));
  }
  return [...wanted]
    .sort(([a], [b]) => overAt[b]! - overAt[a]!)
    .flatMap(([request, sequences]) =>
      tablesOf(recording, request, end, false)
        .filter(([sequence]) => sequences.has(sequence))
        .map(([sequence, named]) => ({ request, sequence, blocks: named })),
    );
}
