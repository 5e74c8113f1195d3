import { type ByteReader, type ByteWriter, DamagedError } from './byte-stream.ts';
import { readDeltas, readGuessed, writeDeltas, writeGuessed } from './column-codec.ts';
import type { Decision, Recording } from './recording.ts';

const types = [
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

type Known = Pick<Recording, 'steps' | 'requests'>;

/** Most decisions are made when a step begins, when the one before has ended, or when a request arrives. */
const guesses = ({ steps, requests }: Known, step: number, request: number) => [
  steps.time[step] ?? Number.NaN,
  steps.end[step - 1] ?? Number.NaN,
  requests[request]?.arrival ?? Number.NaN,
];

export function writeDecisions(
  out: ByteWriter,
  { decisions, ...known }: Known & Pick<Recording, 'decisions'>,
  reasons: readonly string[],
): void {
  const reasonIndex = new Map(reasons.map((reason, i) => [reason, i]));
  const column = (of: (decision: Decision) => number) => Float64Array.from(decisions, of);
  out.unsigned(decisions.length);
  writeDeltas(
    out,
    column(decision => decision.step),
  );
  writeDeltas(
    out,
    column(decision => decision.request),
  );
  writeDeltas(
    out,
    column(decision => reasonIndex.get(decision.reason)!),
  );
  for (const { type } of decisions) out.byte(types.indexOf(type));
  writeGuessed(
    out,
    column(decision => decision.time),
    i => guesses(known, decisions[i]!.step, decisions[i]!.request),
  );
}

export function readDecisions(input: ByteReader, known: Known, reasons: readonly string[]): Decision[] {
  const count = input.count();
  const column = () => readDeltas(input, new Float64Array(count));
  const [steps, requests, texts] = [column(), column(), column()];
  const kinds = input.bytes(count);
  const times = readGuessed(input, new Float64Array(count), i => guesses(known, steps[i]!, requests[i]!));
  return Array.from({ length: count }, (_, i) => {
    const [type, reason, request] = [types[kinds[i]!], reasons[texts[i]!], requests[i]!];
    if (type === undefined || reason === undefined || !known.requests[request])
      throw new DamagedError('a decision is about nothing');
    return { step: steps[i]!, time: times[i]!, type, request, reason };
  });
}
