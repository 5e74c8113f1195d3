import type { Seconds } from '../../src/core/units.ts';
import { type Recording, type WorkKind, workKinds } from '../../src/trace/recording.ts';

/** What a request does from one moment to another. `stalled`: in the batch, but the step went to others. */
export const barKinds = ['queued', 'prefill', 'decode', 'held', 'preempted', 'stalled'] as const;
export type BarKind = (typeof barKinds)[number];

export interface Bar {
  readonly from: Seconds;
  readonly to: Seconds;
  readonly kind: BarKind;
  /** Steps it took, and tokens computed in them. */
  readonly steps: number;
  readonly tokens: number;
}

/** No step is as short. */
const INSTANT = 1e-9;

type Open = { -readonly [K in keyof Bar]: Bar[K] };

const all = new WeakMap<Recording, readonly (readonly Bar[])[]>();

/** What each request did, in order and without gaps from its arrival to its end. Each chunk of a prefill is a bar of its own. */
export function barsOf(recording: Recording): readonly (readonly Bar[])[] {
  let bars = all.get(recording);
  if (!bars) all.set(recording, (bars = build(recording)));
  return bars;
}

/** The bar of a request at a time, by its index; −1 before it arrives and after it ends. */
export function barAt(bars: readonly Bar[], time: Seconds): number {
  let [low, high] = [0, bars.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bars[middle]!.to > time) high = middle;
    else low = middle + 1;
  }
  return low < bars.length && bars[low]!.from <= time ? low : -1;
}

function build(recording: Recording): Bar[][] {
  const { requests, steps, work, decisions } = recording;
  const lists = requests.map((): Open[] => []);
  /** What a request is while it does nothing. */
  const idle = new Array<BarKind>(requests.length).fill('queued');
  const over = requests.map(({ finished }) => finished);
  for (const { type, request, time } of decisions) {
    if (type === 'aborted' || type === 'rejected') over[request] = time;
  }
  const worked = new Int32Array(requests.length).fill(-1);
  let decision = 0;
  for (let step = 0; step < steps.count; step++) {
    for (; decision < decisions.length && decisions[decision]!.step <= step; decision++) {
      const { type, request } = decisions[decision]!;
      if (type === 'preempted') idle[request] = 'preempted';
    }
    const [from, to] = [steps.time[step]!, steps.end[step]!];
    for (let entry = work.start[step]!; entry < work.start[step + 1]!; entry++) {
      const request = work.request[entry]!;
      const kind: WorkKind = workKinds[work.kind[entry]!]!;
      const tokens = work.tokens[entry]!;
      const list = lists[request]!;
      if (worked[request] === step) {
        // Another of its sequences: one of them may be held while the others go on.
        if (kind !== 'held') list.at(-1)!.tokens += tokens;
        continue;
      }
      worked[request] = step;
      pause(list, requests[request]!.arrival, from, idle[request]!);
      idle[request] = 'stalled';
      const last = list.at(-1);
      if (last && last.kind === kind && kind !== 'prefill') {
        last.to = to;
        last.steps++;
        last.tokens += tokens;
      } else list.push({ from, to, kind, steps: 1, tokens });
    }
  }
  const end = steps.count > 0 ? steps.end[steps.count - 1]! : 0;
  for (const [request, list] of lists.entries()) {
    const until = over[request]!;
    // The batch may hold its row longer than that.
    pause(list, requests[request]!.arrival, Number.isNaN(until) ? end : until, idle[request]!);
  }
  return lists;
}

/** Nothing was done for it up to now. */
function pause(list: Open[], arrival: Seconds, until: Seconds, kind: BarKind): void {
  const from = list.at(-1)?.to ?? arrival;
  if (until - from > INSTANT) list.push({ from, to: until, kind, steps: 0, tokens: 0 });
}
