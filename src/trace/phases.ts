import type { Seconds } from '../core/units.ts';
import type { Decision, RecordedRequest, Recording } from './recording.ts';
import { workKinds } from './recording.ts';

/** What a request does for a while. One that runs but sits a step out goes on with what it did. */
export interface Phase {
  readonly from: Seconds;
  readonly to: Seconds;
  readonly phase: 'queued' | 'prefill' | 'decode' | 'held' | 'preempted';
  /** The first step that finds it so. */
  readonly step: number;
}

export type RequestState = Phase['phase'] | 'absent' | 'finished' | 'aborted' | 'rejected';

/** Phases of each request, and from which step on it is over. */
export interface Lives {
  readonly phases: readonly (readonly Phase[])[];
  readonly over: Int32Array;
}

type Draft = { -readonly [K in keyof Phase]: Phase[K] };

const known = new WeakMap<Recording, Lives>();

/** Worked out once for a recording. */
export function livesOf(recording: Recording): Lives {
  let lives = known.get(recording);
  if (!lives) known.set(recording, (lives = workOut(recording)));
  return lives;
}

function workOut({ requests, steps, work, decisions }: Recording): Lives {
  const phases: Draft[][] = requests.map(() => []);
  const over = new Int32Array(requests.length).fill(steps.count + 1);
  const worked = new Int32Array(requests.length).fill(-1);
  const enter = (request: number, phase: Phase['phase'], from: Seconds, step: number) => {
    const list = phases[request]!;
    const last = list.at(-1);
    if (last?.phase === phase) return;
    if (last) last.to = from;
    list.push({ phase, from, to: from, step });
  };
  const close = (request: number, to: Seconds) => {
    const last = phases[request]!.at(-1);
    if (last) last.to = Math.max(last.from, to);
  };
  const decide = ({ type, request, time, step }: Decision) => {
    if (type === 'arrived') enter(request, 'queued', requests[request]!.arrival, step);
    else if (type === 'preempted') enter(request, 'preempted', time, step);
    else if (type === 'finished' || type === 'aborted' || type === 'rejected') {
      close(request, time);
      over[request] = step;
    }
  };
  let next = 0;
  for (let step = 0; step < steps.count; step++) {
    // Who hangs up while a step runs has a part in it all the same.
    for (; next < decisions.length && decisions[next]!.step <= step; next++) {
      if (decisions[next]!.time > steps.time[step]!) break;
      decide(decisions[next]!);
    }
    for (let i = work.start[step]!; i < work.start[step + 1]!; i++) {
      const [request, kind] = [work.request[i]!, workKinds[work.kind[i]!]!];
      // Some samples of it may be done: it is held when all are. And who hung up stays as a row, not as a request.
      if ((kind === 'held' && worked[request] === step) || over[request]! <= step) continue;
      worked[request] = step;
      enter(request, kind, steps.time[step]!, step);
    }
  }
  for (; next < decisions.length; next++) decide(decisions[next]!);
  const end = steps.end[steps.count - 1] ?? 0;
  for (const [request, { end: how }] of requests.entries()) {
    if (how === 'running') close(request, end);
  }
  return { phases, over };
}

/** The state of a request when a step ran. */
export function stateOf({ phases, over }: Lives, request: number, end: RecordedRequest['end'], step: number) {
  if (end !== 'running' && over[request]! <= step) return end;
  let state: RequestState = 'absent';
  for (const { phase, step: since } of phases[request]!) {
    if (since > step) break;
    state = phase;
  }
  return state;
}
