import { decisionColumns, typeIndex } from '../../src/trace/decision-columns.ts';
import { Derived } from '../../src/trace/derived.ts';
import type { Recording } from '../../src/trace/recording.ts';
import { lastNotAfter } from '../../src/trace/search.ts';
import { lastEntryOf } from '../../src/trace/table-index.ts';
import { remember } from './remember.ts';

/** A block that was copied before it was written, for another sequence still reads it. */
export interface Copy {
  readonly step: number;
  readonly from: number;
  readonly to: number;
}

/** Steps for which a copy is marked: fewer are over before the eye has found it. */
const RECENT = 8;

/** All copies of a run, by their steps, which ascend. */
export interface Copies {
  readonly step: Int32Array;
  readonly from: Int32Array;
  readonly to: Int32Array;
}

export const allCopies = new Derived('copies', ({ decisions }): Copies => {
  const { count, type } = decisionColumns(decisions);
  const copied = typeIndex('copied');
  const found: Copy[] = [];
  for (let i = 0; i < count; i++) {
    if (type[i] !== copied) continue;
    const { step, reason } = decisions[i]!;
    // The words are all that a recording has of it.
    const [, from, to] = /^block (\d+) .* to block (\d+)/.exec(reason) ?? [];
    if (from !== undefined) found.push({ step, from: Number(from), to: Number(to) });
  }
  const column = (of: (copy: Copy) => number) => Int32Array.from(found, of);
  return { step: column(copy => copy.step), from: column(copy => copy.from), to: column(copy => copy.to) };
});

const remembered = remember<ReadonlyMap<number, Copy>>();

/** By the block that the copy is in, as long as no table has taken that block for anything else. */
export function recentCopies(recording: Recording, step: number): ReadonlyMap<number, Copy> {
  return remembered(recording, String(step), () => {
    const { start } = recording.tables;
    const copies = allCopies.of(recording);
    const recent = new Map<number, Copy>();
    const first = lastNotAfter(copies.step, step - RECENT, of => of) + 1;
    for (let i = first; i < copies.step.length && copies.step[i]! <= step; i++) {
      const copy = { step: copies.step[i]!, from: copies.from[i]!, to: copies.to[i]! };
      const entry = lastEntryOf(recording, copy.to, start[step + 1]!);
      if (entry !== undefined && entry >= start[copy.step]! && entry < start[copy.step + 1]!)
        recent.set(copy.to, copy);
    }
    return recent;
  });
}
