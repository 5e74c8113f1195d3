import type { Recording } from '../../src/trace/recording.ts';
import { remember } from './remember.ts';
import { lastEntryOf } from './sharing-tables.ts';

/** A block that was copied before it was written, for another sequence still reads it. */
export interface Copy {
  readonly step: number;
  readonly from: number;
  readonly to: number;
}

/** Steps for which a copy is marked: fewer are over before the eye has found it. */
const RECENT = 8;

const all = new WeakMap<Recording, readonly Copy[]>();

export function copiesOf(recording: Recording): readonly Copy[] {
  let known = all.get(recording);
  if (!known) {
    known = recording.decisions.flatMap(({ type, step, reason }) => {
      // The words are all that a recording has of it.
      const [, from, to] = (type === 'copied' && /^block (\d+) .* to block (\d+)/.exec(reason)) || [];
      return from === undefined ? [] : [{ step, from: Number(from), to: Number(to) }];
    });
    all.set(recording, known);
  }
  return known;
}

const remembered = remember<ReadonlyMap<number, Copy>>();

/** By the block that the copy is in, as long as no table has taken that block for anything else. */
export function recentCopies(recording: Recording, step: number): ReadonlyMap<number, Copy> {
  return remembered(recording, String(step), () => {
    const { start } = recording.tables;
    const recent = copiesOf(recording).filter(copy => {
      if (copy.step > step || copy.step <= step - RECENT) return false;
      const entry = lastEntryOf(recording, copy.to, step);
      return entry !== undefined && entry >= start[copy.step]! && entry < start[copy.step + 1]!;
    });
    return new Map(recent.map(copy => [copy.to, copy]));
  });
}
