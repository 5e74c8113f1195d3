import { slotKinds } from '../../src/core/kv-memory.ts';
import type { Seconds } from '../../src/core/units.ts';
import type { Decision, RecordedRequest, Recording } from '../../src/trace/recording.ts';
import { Replay } from '../../src/trace/replay.ts';
import type { Span } from './state.ts';

/** Figures of a whole run, as `quire compare` prints them. */
export interface Summary {
  readonly finished: number;
  readonly duration: Seconds;
  readonly throughput: number;
  readonly meanBatch: number;
  /** Time-averaged share of the memory that holds tokens. */
  readonly tokens: number;
  /** Share of the claimed memory that does not. */
  readonly waste: number;
  readonly preemptions: number;
}

export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

/** Requests that finished in a window. */
export interface Latencies {
  readonly finished: number;
  readonly ttft: Percentiles;
  readonly tpot: Percentiles;
  readonly e2e: Percentiles;
}

/** One recorded run, with what the page asks of it again and again. */
export class Run {
  readonly recording: Recording;
  readonly replay: Replay;
  readonly summary: Summary;
  readonly start: Seconds;
  readonly end: Seconds;

  constructor(recording: Recording) {
    this.recording = recording;
    this.replay = new Replay(recording);
    const { requests, steps } = recording;
    this.start = Math.min(...requests.map(request => request.arrival), steps.time[0] ?? 0);
    this.end = Math.max(steps.end[steps.count - 1] ?? 0, this.start);
    this.summary = summarise(recording);
  }

  /** The decisions of a step in their order; then those before it, the latest first, as many as make up `count`. */
  decisionsUpTo(step: number, count: number): readonly { index: number; decision: Decision; now: boolean }[] {
    const { decisions } = this.recording;
    const end = firstAfter(decisions, step);
    let now = end;
    while (now > 0 && decisions[now - 1]!.step === step) now--;
    const from = Math.max(0, Math.min(now, end - count));
    const all = decisions
      .slice(from, end)
      .map((decision, i) => ({ index: from + i, decision, now: decision.step === step }));
    return [...all.slice(now - from), ...all.slice(0, now - from).reverse()];
  }

  latencies([from, to]: Span): Latencies {
    const within = this.recording.requests.filter(
      ({ finished, end }) => end === 'finished' && finished >= from && finished <= to,
    );
    return {
      finished: within.length,
      ttft: percentiles(within.map(ttftOf)),
      tpot: percentiles(within.map(tpotOf).filter(tpot => !Number.isNaN(tpot))),
      e2e: percentiles(within.map(({ finished, arrival }) => finished - arrival)),
    };
  }
}

export const ttftOf = ({ firstToken, arrival }: RecordedRequest): Seconds => firstToken - arrival;

/** NaN of an answer of one token, which has no gap. */
export function tpotOf({ finished, firstToken, outputTokens }: RecordedRequest): Seconds {
  return outputTokens > 1 ? (finished - firstToken) / (outputTokens - 1) : Number.NaN;
}

/** Nearest rank; NaN of nothing. */
function percentiles(values: number[]): Percentiles {
  values.sort((a, b) => a - b);
  const at = (q: number) => values[Math.max(0, Math.ceil(q * values.length) - 1)] ?? Number.NaN;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99) };
}

/** Index of the first decision that was made after a step; decisions ascend. */
function firstAfter(decisions: readonly Decision[], step: number): number {
  let [low, high] = [0, decisions.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (decisions[middle]!.step <= step) low = middle + 1;
    else high = middle;
  }
  return low;
}

function summarise({ requests, steps, memory }: Recording): Summary {
  const finished = requests.filter(({ end }) => end === 'finished');
  const first = Math.min(...requests.map(({ arrival }) => arrival));
  const last = Math.max(...requests.map(request => request.finished).filter(Number.isFinite), first);
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
  const duration = last - first;
  return {
    finished: finished.length,
    duration,
    throughput: duration > 0 ? finished.length / duration : 0,
    meanBatch: steps.count > 0 ? batches / steps.count : 0,
    tokens: seconds > 0 ? held.token / (seconds * memory.capacity) : 0,
    waste: claimed > 0 ? 1 - held.token / claimed : 0,
    preemptions: requests.reduce((sum, { preemptions }) => sum + preemptions, 0),
  };
}
