import { type SlotKind, slotKinds } from '../core/kv-memory.ts';
import { type ByteReader, type ByteWriter, DamagedError } from './byte-stream.ts';
import {
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
import {
  type BlockColumns,
  CACHED,
  RECORDING_VERSION,
  type Recording,
  type StepColumns,
  type TableColumns,
  type WorkColumns,
} from './recording.ts';
import { readRequests, writeRequests } from './request-codec.ts';

/** What of a recording is said in JSON, ahead of its columns. */
export interface Heading extends Pick<Recording, 'policy' | 'config' | 'memory'> {
  /** Reasons of decisions, each text once. */
  readonly reasons: readonly string[];
}

export function headingOf({ policy, config, memory, decisions }: Recording): Heading {
  return { policy, config, memory, reasons: [...new Set(decisions.map(({ reason }) => reason))] };
}

export function writeRecording(out: ByteWriter, recording: Recording, { reasons }: Heading): void {
  const { requests, steps, work, blocks, tables, memory } = recording;
  writeRequests(out, requests);
  writeSteps(out, steps);
  writeWork(out, work, requests.length);
  writeBlocks(out, blocks, memory.numBlocks);
  writeTables(out, tables, requests.length);
  writeDecisions(out, recording, reasons);
}

export function readRecording(input: ByteReader, heading: Heading): Recording {
  const { policy, config, memory, reasons } = heading;
  const requests = readRequests(input);
  const steps = readSteps(input);
  const work = readWork(input, steps.count, requests.length);
  const blocks = readBlocks(input, steps.count, memory.numBlocks, requests.length);
  const tables = readTables(input, steps.count, memory.numBlocks, requests.length);
  const columns = { requests, steps, work, blocks, tables };
  const decisions = readDecisions(input, columns, reasons);
  return { version: RECORDING_VERSION, policy, config, memory, ...columns, decisions };
}

function writeSteps(out: ByteWriter, steps: StepColumns): void {
  out.unsigned(steps.count);
  writeFloats(out, steps.end);
  // Most begin when the one before ends.
  writeGuessed(out, steps.time, i => [steps.end[i - 1] ?? 0]);
  const { running, waiting, held, prefillTokens, decodeTokens, compute, bandwidth, overhead } = steps;
  for (const column of [running, waiting, held, prefillTokens, decodeTokens]) writeDeltas(out, column);
  for (const column of [compute, bandwidth, overhead]) writeFloats(out, column);
  for (const kind of slotKinds) writeDeltas(out, steps.usage[kind]);
}

function readSteps(input: ByteReader): StepColumns {
  const count = input.count();
  const whole = () => readDeltas(input, new Int32Array(count));
  const float = () => readFloats(input, new Float32Array(count));
  const end = readFloats(input, new Float64Array(count));
  const time = readGuessed(input, new Float64Array(count), i => [end[i - 1] ?? 0]);
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

function readWork(input: ByteReader, steps: number, requests: number): WorkColumns {
  const count = input.count();
  const start = readStarts(input, steps, count);
  const request = readFollowers(input, new Int32Array(count), requests);
  const kind = readByKey(input, new Uint8Array(count), request, requests);
  const tokens = readByKey(input, new Int32Array(count), request, requests);
  return { start, request, kind, tokens };
}

function writeBlocks(out: ByteWriter, blocks: BlockColumns, numBlocks: number): void {
  const { start, block, owner, refs, filled } = blocks;
  out.unsigned(block.length);
  writeStarts(out, start);
  writeFollowers(out, block, numBlocks);
  for (const column of [owner, refs, filled]) writeByKey(out, column, block, numBlocks);
}

function readBlocks(input: ByteReader, steps: number, numBlocks: number, requests: number): BlockColumns {
  const count = input.count();
  const start = readStarts(input, steps, count);
  const block = readFollowers(input, new Int32Array(count), numBlocks);
  const owner = within(readByKey(input, new Int32Array(count), block, numBlocks), CACHED, requests);
  const refs = readByKey(input, new Uint16Array(count), block, numBlocks);
  const filled = readByKey(input, new Uint16Array(count), block, numBlocks);
  return { start, block, owner, refs, filled };
}

function writeTables(out: ByteWriter, tables: TableColumns, requests: number): void {
  const { start, request, sequence, index, block } = tables;
  out.unsigned(block.length);
  writeStarts(out, start);
  writeFollowers(out, request, requests);
  writeByKey(out, sequence, request, requests);
  writeByKey(out, index, request, requests);
  writeDeltas(out, block);
}

function readTables(input: ByteReader, steps: number, numBlocks: number, requests: number): TableColumns {
  const count = input.count();
  const start = readStarts(input, steps, count);
  const request = readFollowers(input, new Int32Array(count), requests);
  const sequence = readByKey(input, new Uint16Array(count), request, requests);
  const index = readByKey(input, new Int32Array(count), request, requests);
  const block = within(readDeltas(input, new Int32Array(count)), -1, numBlocks);
  return { start, request, sequence, index, block };
}

/** What is looked up by these numbers must be there. */
function within(column: Int32Array, from: number, to: number): Int32Array {
  for (const value of column) {
    if (value < from || value >= to) throw new DamagedError(`it names ${value} of ${to}`);
  }
  return column;
}
