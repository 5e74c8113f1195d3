import { lazyList } from './lazy-list.ts';
import type { Decision } from './recording.ts';
import { countOf, type TextTable, textOf, textTable } from './text-table.ts';

export const decisionTypes = [
  'arrived',
  'admitted',
  'blocked',
  'preempted',
  'finished',
  'aborted',
  'rejected',
  'forked',
  'copied',
] as const satisfies readonly Decision['type'][];

/** The decisions of a recording in columns: one entry a decision. */
export interface DecisionColumns {
  readonly count: number;
  readonly step: Int32Array;
  readonly time: Float64Array;
  /** Index into `decisionTypes`. */
  readonly type: Uint8Array;
  readonly request: Int32Array;
  /** Number of a text in `reasons`, each of which is there once. */
  readonly reason: Int32Array;
  readonly reasons: TextTable;
}

const behind = new WeakMap<readonly Decision[], DecisionColumns>();

/** The columns behind a list of decisions; of one that has none they are made, once. */
export function decisionColumns(decisions: readonly Decision[]): DecisionColumns {
  let columns = behind.get(decisions);
  if (!columns) behind.set(decisions, (columns = gather(decisions)));
  return columns;
}

function gather(decisions: readonly Decision[]): DecisionColumns {
  const numbers = new Map<string, number>();
  const reason = Int32Array.from(decisions, ({ reason: text }) => {
    let number = numbers.get(text);
    if (number === undefined) numbers.set(text, (number = numbers.size));
    return number;
  });
  return {
    count: decisions.length,
    step: Int32Array.from(decisions, ({ step }) => step),
    time: Float64Array.from(decisions, ({ time }) => time),
    type: Uint8Array.from(decisions, ({ type }) => decisionTypes.indexOf(type)),
    request: Int32Array.from(decisions, ({ request }) => request),
    reason,
    reasons: textTable([...numbers.keys()]),
  };
}

/** Decisions that are read from their columns when they are looked at. */
export function decisionList(columns: DecisionColumns): readonly Decision[] {
  const list = lazyList(columns.count, i => decisionAt(columns, i));
  behind.set(list, columns);
  return list;
}

function decisionAt({ step, time, type, request, reason, reasons }: DecisionColumns, i: number): Decision {
  return {
    step: step[i]!,
    time: time[i]!,
    type: decisionTypes[type[i]!]!,
    request: request[i]!,
    reason: textOf(reasons, reason[i]!),
  };
}

/** All reasons, each once, in the order of their first decisions. */
export const reasonsOf = ({ reasons }: DecisionColumns): string[] =>
  Array.from({ length: countOf(reasons) }, (_, i) => textOf(reasons, i));

export const typeIndex = (type: Decision['type']): number => decisionTypes.indexOf(type);
