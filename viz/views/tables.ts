import type { Recording } from '../../src/trace/recording.ts';
import { type Holding, TableReplay } from '../../src/trace/table-replay.ts';

const replays = new WeakMap<Recording, TableReplay>();

function replayOf(recording: Recording): TableReplay {
  let replay = replays.get(recording);
  if (!replay) replays.set(recording, (replay = new TableReplay(recording)));
  return replay;
}

/** Who holds a block at a step, and as which of its logical blocks. */
export const holdingsOf = (recording: Recording, block: number, step: number): readonly Holding[] =>
  replayOf(recording).holdings(block, step);

/** The blocks in all block tables of a request at a step, each once. */
export function blocksOf(recording: Recording, request: number, step: number): ReadonlySet<number> {
  const replay = replayOf(recording);
  const held = new Set<number>();
  for (const sequence of replay.sequences(request, step)) {
    for (const block of replay.table(request, sequence, step)) if (block >= 0) held.add(block);
  }
  return held;
}
