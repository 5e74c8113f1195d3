import { slotKinds } from '../core/kv-memory.ts';
import type { Seconds } from '../core/units.ts';
import { Lanes, type Slice } from './lanes.ts';
import type { Decision, Recording } from './recording.ts';

/** Characters of a piece. */
const PIECE = 65_536;

/** Threads of a process; the lanes of the batch follow. */
const STEPS = 1;
const DECISIONS = 2;
const FIRST_LANE = 10;

/** Decisions that say something which the slices do not. */
const told: readonly Decision['type'][] = ['blocked', 'preempted', 'aborted', 'rejected', 'copied'];

type Fields = Readonly<Record<string, unknown>>;

/**
 * Runs as a trace for Perfetto and chrome://tracing (trace-event JSON), in pieces: a process for each run, in it
 * the steps, the decisions and a thread for each lane of the batch. A request keeps the lane that it was admitted
 * to, so that slices of one lane never overlap; waiting ones do, and are async events.
 */
export function* perfettoTrace(recordings: Iterable<Recording>): Generator<string, void, undefined> {
  let piece = '{"displayTimeUnit":"ms","traceEvents":[';
  let separator = '\n';
  let pid = 0;
  for (const recording of recordings) {
    for (const event of processEvents(recording, ++pid)) {
      piece += separator + JSON.stringify(event);
      separator = ',\n';
      if (piece.length < PIECE) continue;
      yield piece;
      piece = '';
    }
  }
  yield `${piece}\n]}\n`;
}

function* processEvents(recording: Recording, pid: number): Generator<Fields, void, undefined> {
  const { policy, config, steps } = recording;
  yield { ph: 'M', pid, name: 'process_name', args: { name: policy } };
  yield { ph: 'M', pid, name: 'process_labels', args: { labels: title(config) } };
  yield { ph: 'M', pid, name: 'process_sort_index', args: { sort_index: pid } };
  yield* thread(pid, STEPS, 'steps');
  yield* thread(pid, DECISIONS, 'decisions');
  const lanes = new Lanes(recording);
  let named = 0;
  let counters = '';
  let blocked = '';
  for (let step = 0; step <= steps.count; step++) {
    const slices = lanes.next();
    for (; named < lanes.count; named++) yield* thread(pid, FIRST_LANE + named, `lane ${named + 1}`);
    for (const slice of slices) yield* sliceEvents(slice, pid);
    for (const decision of lanes.decisions) {
      const { type, request, reason } = decision;
      // The head of the queue is refused anew in each step.
      const again = type === 'blocked' && blocked === `${request}: ${reason}`;
      if (type === 'blocked') blocked = `${request}: ${reason}`;
      if (!again) yield* decisionEvents(decision, recording.requests[request]!.id, pid);
    }
    if (step === steps.count) break;
    yield stepSlice(recording, step, pid);
    const now = countersOf(recording, step);
    const changed = JSON.stringify(now);
    if (changed !== counters) yield* counterEvents(now, steps.time[step]!, pid);
    counters = changed;
    // An engine that has nothing to do runs nobody.
    if (step + 1 < steps.count && steps.time[step + 1]! <= steps.end[step]!) continue;
    yield* counterEvents({ requests: { running: 0, waiting: 0, held: 0 } }, steps.end[step]!, pid);
    counters = '';
  }
}

function* thread(pid: number, tid: number, name: string): Generator<Fields, void, undefined> {
  yield { ph: 'M', pid, tid, name: 'thread_name', args: { name } };
  yield { ph: 'M', pid, tid, name: 'thread_sort_index', args: { sort_index: tid } };
}

/** Viewers colour a slice by its name without the digits: each kind of work has one colour. */
function* sliceEvents(slice: Slice, pid: number): Generator<Fields, void, undefined> {
  const { kind, request, from, to, lane, flow, args } = slice;
  const name = `${kind} ${request}`;
  const span = { pid, cat: kind, name };
  if (lane === undefined) {
    const id2 = { local: `0x${request.toString(16)}` };
    yield { ph: 'b', ...span, id2, ts: microseconds(from), args };
    yield { ph: 'e', ...span, id2, ts: microseconds(to) };
    return;
  }
  const tid = FIRST_LANE + lane;
  yield { ph: 'X', ...span, tid, ts: microseconds(from), dur: duration(from, to), args };
  const arrow = { pid, tid, cat: 'preemption', name: 'resumed' };
  // The arrow begins within the last slice before the preemption, and ends at the first after it.
  const id = (preemption: number) => pid * 2 ** 32 + preemption;
  if (flow?.resumes) yield { ph: 'f', bp: 'e', ...arrow, id: id(flow.resumes), ts: microseconds(from) };
  if (flow?.stops) yield { ph: 's', ...arrow, id: id(flow.stops), ts: (nanoseconds(to) - 1) / 1000 };
}

function* decisionEvents(
  { type, time, reason }: Decision,
  request: number,
  pid: number,
): Generator<Fields, void, undefined> {
  if (!told.includes(type)) return;
  const where = { pid, tid: DECISIONS, ts: microseconds(time) };
  yield { ph: 'i', s: 't', ...where, cat: 'decision', name: `${type} ${request}`, args: { reason } };
}

function stepSlice({ steps }: Recording, step: number, pid: number): Fields {
  const [prefill, decode] = [steps.prefillTokens[step]!, steps.decodeTokens[step]!];
  const [from, to] = [steps.time[step]!, steps.end[step]!];
  const args = {
    step,
    running: steps.running[step],
    waiting: steps.waiting[step],
    held: steps.held[step],
    prefill_tokens: prefill,
    decode_tokens: decode,
    compute_us: rounded(steps.compute[step]! * 1e6),
    bandwidth_us: rounded(steps.bandwidth[step]! * 1e6),
    overhead_us: rounded(steps.overhead[step]! * 1e6),
  };
  const name = prefill > 0 && decode > 0 ? 'mixed step' : prefill > 0 ? 'prefill step' : 'decode step';
  const span = { pid, tid: STEPS, cat: 'step', name, ts: microseconds(from), dur: duration(from, to) };
  return { ph: 'X', ...span, args };
}

type Counters = Readonly<Record<string, Readonly<Record<string, number>>>>;

function countersOf({ steps }: Recording, step: number): Counters {
  return {
    'KV slots': Object.fromEntries(slotKinds.map(kind => [kind, steps.usage[kind][step]!])),
    requests: { running: steps.running[step]!, waiting: steps.waiting[step]!, held: steps.held[step]! },
  };
}

function* counterEvents(counters: Counters, time: Seconds, pid: number): Generator<Fields, void, undefined> {
  for (const [name, args] of Object.entries(counters)) {
    yield { ph: 'C', pid, name, ts: microseconds(time), args };
  }
}

function title({ model, gpu }: Recording['config']): string {
  return [model, gpu].filter(part => typeof part === 'string').join(' on ');
}

/** Whole nanoseconds, so that a slice ends where the next one begins: viewers keep no more. */
const nanoseconds = (time: Seconds) => Math.round(time * 1e9);
const microseconds = (time: Seconds) => nanoseconds(time) / 1000;
const duration = (from: Seconds, to: Seconds) => (nanoseconds(to) - nanoseconds(from)) / 1000;
const rounded = (value: number) => Math.round(value * 1000) / 1000;
