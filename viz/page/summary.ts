import { slotKinds } from '../../src/core/kv-memory.ts';
import type { Seconds } from '../../src/core/units.ts';
import { Derived } from '../../src/trace/derived.ts';
import type { RecordedRequest, Recording } from '../../src/trace/recording.ts';
import { type RequestColumns, requestColumns, requestEnds } from '../../src/trace/request-columns.ts';

/** Figures of a whole run, as `quire compare` prints them. */
export interface Summary {
  readonly start: Seconds;
  readonly end: Seconds;
  readonly finished: number;
  /** Requests by what became of them. */
  readonly ends: Readonly<Record<RecordedRequest['end'], number>>;
  readonly duration: Seconds;
  readonly throughput: number;
  readonly meanBatch: number;
  /** Time-averaged share of the memory that holds tokens. */
  readonly tokens: number;
  /** Share of the claimed memory that does not. */
  readonly waste: number;
  readonly preemptions: number;
}

export const runSummary = new Derived('summary', (recording): Summary => {
  const { steps } = recording;
  const requests = requestColumns(recording.requests);
  const first = lowest(requests.arrival);
  const start = Math.min(first, steps.time[0] ?? 0);
  const duration = lastFinish(requests, first) - first;
  const ends = endsOf(requests);
  return {
    start,
    end: Math.max(steps.end[steps.count - 1] ?? 0, start),
    finished: ends.finished,
    ends,
    duration,
    throughput: duration > 0 ? ends.finished / duration : 0,
    preemptions: requests.preemptions.reduce((sum, count) => sum + count, 0),
    ...overTime(recording),
  };
});

const lowest = (values: Float64Array) =>
  values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);

function lastFinish({ finished }: RequestColumns, first: Seconds): Seconds {
  return finished.reduce((last, time) => (Number.isFinite(time) ? Math.max(last, time) : last), first);
}

function endsOf({ end }: RequestColumns): Summary['ends'] {
  const ends = { finished: 0, aborted: 0, rejected: 0, running: 0 };
  for (const how of end) ends[requestEnds[how]!]++;
  return ends;
}

function overTime({ steps, memory }: Recording): Pick<Summary, 'meanBatch' | 'tokens' | 'waste'> {
  const held = { token: 0, reserved: 0, internal: 0, external: 0, cached: 0, free: 0 };
  let seconds = 0;
  let batches = 0;
  for (let i = 0; i < steps.count; i++) {
    // Until the next one began: nothing changes while the engine idles.
    const length = (steps.time[i + 1] ?? steps.end[i]!) - steps.time[i]!;
    seconds += length;
    batches += steps.running[i]!;
    for (const kind of slotKinds) held[kind] += steps.usage[kind][i]! * length;
  }
  const claimed = held.token + held.reserved + held.internal + held.external;
  return {
    meanBatch: steps.count > 0 ? batches / steps.count : 0,
    tokens: seconds > 0 ? held.token / (seconds * memory.capacity) : 0,
    waste: claimed > 0 ? 1 - held.token / claimed : 0,
  };
}
