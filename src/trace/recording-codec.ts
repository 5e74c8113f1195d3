import { type SlotKind, slotKinds } from '../core/kv-memory.ts';
import { readBlocks, writeBlocks } from './block-codec.ts';
import type { ByteReader, ByteWriter } from './byte-stream.ts';
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
import { RECORDING_VERSION, type Recording, type StepColumns, type WorkColumns } from './recording.ts';
import { readRequests, writeRequests } from './request-codec.ts';
import { dimensionsOf, readTables, writeTables } from './table-codec.ts';

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
  writeTables(out, tables, dimensionsOf(recording));
  // Behind what they are guessed from.
  writeBlocks(out, blocks, { tables, work, ...memory, requests: requests.length });
  writeDecisions(out, recording, reasons);
}

export function readRecording(input: ByteReader, heading: Heading): Recording {
  const { policy, config, memory, reasons } = heading;
  const requests = readRequests(input);
  const steps = readSteps(input);
  const work = readWork(input, steps.count, requests.length);
  const { numBlocks } = memory;
  const tables = readTables(input, { steps: steps.count, requests: requests.length, numBlocks });
  const blocks = readBlocks(input, steps.count, { tables, work, ...memory, requests: requests.length });
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
