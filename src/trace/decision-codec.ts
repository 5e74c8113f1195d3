import { type ByteReader, type ByteWriter, DamagedError } from './byte-stream.ts';
import { readDeltas, readGuessed, writeDeltas, writeGuessed } from './column-codec.ts';
import { type DecisionColumns, decisionTypes } from './decision-columns.ts';
import type { StepColumns } from './recording.ts';
import type { RequestColumns } from './request-columns.ts';
import { textTable } from './text-table.ts';

interface Known {
  readonly steps: StepColumns;
  readonly requests: RequestColumns;
}

/** Most decisions are made when a step begins, when the one before has ended, or when a request arrives. */
const guess = ({ steps, requests }: Known, step: number, request: number, number: number) => {
  switch (number) {
    case 0:
      return steps.time[step] ?? Number.NaN;
    case 1:
      return steps.end[step - 1] ?? Number.NaN;
    case 2:
      return requests.arrival[request] ?? Number.NaN;
    default:
      return undefined;
  }
};

export function writeDecisions(out: ByteWriter, decisions: DecisionColumns, known: Known): void {
  const { count, step, request, reason, type, time } = decisions;
  out.unsigned(count);
  for (const column of [step, request, reason]) writeDeltas(out, column);
  out.bytes(type);
  writeGuessed(out, time, (i, number) => guess(known, step[i]!, request[i]!, number));
}

export function readDecisions(input: ByteReader, known: Known, reasons: readonly string[]): DecisionColumns {
  const count = input.count();
  const column = () => readDeltas(input, new Int32Array(count));
  const [step, request, reason] = [column(), column(), column()];
  const type = input.bytes(count).slice();
  const time = readGuessed(input, new Float64Array(count), (i, number) =>
    guess(known, step[i]!, request[i]!, number),
  );
  for (let i = 0; i < count; i++) {
    const isKnown =
      decisionTypes[type[i]!] !== undefined && reasons[reason[i]!] !== undefined && request[i]! >= 0;
    if (!isKnown || request[i]! >= known.requests.count)
      throw new DamagedError('a decision is about nothing');
  }
  return { count, step, time, type, request, reason, reasons: textTable(reasons) };
}
