import { type SlotKind, slotKinds } from '../core/kv-memory.ts';
import { readBlocks, writeBlocks } from './block-codec.ts';
import { type ByteReader, type ByteWriter, DamagedError } from './byte-stream.ts';
import {
  type Guess,
  readByKey,
  readDeltas,
  readFloats,
  readFollowers,
  readGuessed,
  readStarts,
  writeByKey,
  writeDeltas,
  writeFloats,
  writeFollowers,
  writeGuessed,
  writeStarts,
} from './column-codec.ts';
import { readDecisions, writeDecisions } from './decision-codec.ts';
import { decisionColumns, reasonsOf } from './decision-columns.ts';
import {
  RECORDING_VERSION,
  type Recording,
  type StepColumns,
  type WorkColumns,
  workKinds,
} from './recording.ts';
import { readRequests, writeRequests } from './request-codec.ts';
import { dimensionsOf, readTables, writeTables } from './table-codec.ts';
import { pack, unpack } from './transfer.ts';

/** What of a recording is said in JSON, ahead of its columns. */
export interface Heading extends Pick<Recording, 'policy' | 'config' | 'memory'> {
  /** Reasons of decisions, each text once. */
  readonly reasons: readonly string[];
}

export function headingOf({ policy, config, memory, decisions }: Recording): Heading {
  return { policy, config, memory, reasons: reasonsOf(decisionColumns(decisions)) };
}

export function writeRecording(out: ByteWriter, recording: Recording): void {
  const { requests, decisions, steps, work, blocks, tables, memory } = pack(recording);
  writeRequests(out, requests);
  writeSteps(out, steps);
  writeWork(out, work, requests.count);
  writeTables(out, tables, dimensionsOf(recording));
  // Behind what they are guessed from.
  writeBlocks(out, blocks, { tables, work, ...memory, requests: requests.count });
  writeDecisions(out, decisions, { steps, requests });
}

/** @param progress told how much of the input is read. */
export function readRecording(
  input: ByteReader,
  heading: Heading,
  progress: (share: number) => void = () => undefined,
): Recording {
  const { policy, config, memory, reasons } = heading;
  const { numBlocks } = memory;
  const told = (at = input.at) => progress(at / input.length);
  const requests = readRequests(input);
  const steps = readSteps(input);
  told();
  const work = readWork(input, steps.count, requests.count, told);
  const tables = readTables(input, { steps: steps.count, requests: requests.count, numBlocks });
  told();
  const begin = input.at;
  const known = { tables, work, ...memory, requests: requests.count };
  const blocks = readBlocks(input, steps.count, known, share => told(begin + share * (input.at - begin)));
  const columns = { steps, work, blocks, tables };
  const decisions = readDecisions(input, { steps, requests }, reasons);
  told();
  return unpack({ version: RECORDING_VERSION, policy, config, memory, ...columns, requests, decisions });
}

function writeSteps(out: ByteWriter, steps: StepColumns): void {
  out.unsigned(steps.count);
  writeFloats(out, steps.end);
  // Most begin when the one before ends.
  writeGuessed(out, steps.time, endBefore(steps.end));
  const { running, waiting, held, prefillTokens, decodeTokens, compute, bandwidth, overhead } = steps;
  for (const column of [running, waiting, held, prefillTokens, decodeTokens]) writeDeltas(out, column);
  for (const column of [compute, bandwidth, overhead]) writeFloats(out, column);
  for (const kind of slotKinds) writeDeltas(out, steps.usage[kind]);
}

const endBefore =
  (end: Float64Array): Guess =>
  (i, number) =>
    number === 0 ? (end[i - 1] ?? 0) : undefined;

function readSteps(input: ByteReader): StepColumns {
  const count = input.count();
  const whole = () => readDeltas(input, new Int32Array(count));
  const float = () => readFloats(input, new Float32Array(count));
  const end = readFloats(input, new Float64Array(count));
  const time = readGuessed(input, new Float64Array(count), endBefore(end));
  const [running, waiting, held, prefillTokens, decodeTokens] = [whole(), whole(), whole(), whole(), whole()];
  const [compute, bandwidth, overhead] = [float(), float(), float()];
  const usage = Object.fromEntries(
    slotKinds.map(kind => [kind, readDeltas(input, new Float64Array(count))]),
  ) as Record<SlotKind, Float64Array>;
  const whats = { running, waiting, held, prefillTokens, decodeTokens };
  return { count, time, end, ...whats, compute, bandwidth, overhead, usage };
}

function writeWork(out: ByteWriter, { start, request, kind, tokens }: WorkColumns, requests: number): void {
  out.unsigned(request.length);
  writeStarts(out, start);
  writeFollowers(out, request, requests);
  writeByKey(out, kind, request, requests);
  writeByKey(out, tokens, request, requests);
}

function readWork(input: ByteReader, steps: number, requests: number, told: () => void): WorkColumns {
  const count = input.count();
  const start = readStarts(input, steps, count);
  const request = readFollowers(input, new Int32Array(count), requests);
  told();
  const kind = readByKey(input, request, requests, workKinds.length - 1);
  if (!(kind instanceof Uint8Array)) throw new DamagedError('a request does what there is no name for');
  told();
  const tokens = readByKey(input, request, requests, 0xffff);
  told();
  return { start, request, kind, tokens };
}
