import type { Seconds } from '../core/units.ts';
import { type Decision, type RecordedRequest, type Recording, workKinds } from './recording.ts';

/** The recording as it would be had the run been broken off after `count` steps. */
export function firstSteps(recording: Recording, count: number): Recording {
  const { steps, work, blocks, tables } = recording;
  if (count >= steps.count) return recording;
  // What a step brings about is noted before the next one.
  const decisions = recording.decisions.filter(
    ({ step, type }) => step < count || (step === count && (type === 'finished' || type === 'aborted')),
  );
  const arrived = decisions.reduce((most, { request }) => Math.max(most, request), -1) + 1;
  const cut = {
    ...recording,
    requests: recording.requests.slice(0, arrived),
    steps: { ...cutAll(steps, count), count, usage: cutAll(steps.usage, count) },
    work: lists(work, count),
    blocks: lists(blocks, count),
    tables: lists(tables, count),
    decisions,
  };
  return { ...cut, requests: requestsOf(cut) };
}

/** The requests as they were known at the end of the steps. */
function requestsOf({ requests, steps, work, decisions }: Recording): RecordedRequest[] {
  const until = steps.count > 0 ? steps.end[steps.count - 1]! : 0;
  const then = (time: Seconds) => (time <= until ? time : Number.NaN);
  const ends = new Map<number, Decision['type']>();
  const preemptions = new Int32Array(requests.length);
  for (const { type, request } of decisions) {
    if (type === 'preempted') preemptions[request]!++;
    if (type === 'finished' || type === 'aborted' || type === 'rejected') ends.set(request, type);
  }
  const outputs = outputsOf(work, requests.length);
  return requests.map((request, i) => {
    const firstToken = then(request.firstToken);
    const generated = Number.isNaN(firstToken) ? 0 : Math.max(1, outputs[i]!);
    return {
      ...request,
      admitted: then(request.admitted),
      firstToken,
      finished: then(request.finished),
      outputTokens: ends.has(i) ? request.outputTokens : Math.min(request.outputTokens, generated),
      preemptions: preemptions[i]!,
      end: ends.has(i) ? request.end : 'running',
    };
  });
}

/** Tokens of each answer: one for each step of decode, and one for each prefill that decode followed. */
function outputsOf({ request, kind }: Recording['work'], count: number): Int32Array {
  const [prefill, decode] = [workKinds.indexOf('prefill'), workKinds.indexOf('decode')];
  const outputs = new Int32Array(count);
  const last = new Int8Array(count).fill(-1);
  for (let i = 0; i < request.length; i++) {
    const index = request[i]!;
    if (kind[i] === decode) outputs[index]! += last[index] === prefill ? 2 : 1;
    if (kind[i] === decode || kind[i] === prefill) last[index] = kind[i]!;
  }
  return outputs;
}

type Column = Float64Array | Float32Array | Int32Array | Uint16Array | Uint8Array;

function cutAll<T extends object>(columns: T, count: number): T {
  const cut = Object.entries(columns).map(([name, column]) => [
    name,
    ArrayBuffer.isView(column) ? (column as Column).slice(0, count) : column,
  ]);
  return Object.fromEntries(cut) as T;
}

/** Columns of lists, one list a step. */
function lists<T extends { readonly start: Int32Array }>(columns: T, count: number): T {
  return { ...cutAll(columns, columns.start[count]!), start: columns.start.slice(0, count + 1) };
}
