import type { Seconds } from '../core/units.ts';
import { decisionsAbout } from './decision-index.ts';
import {
  type Decision,
  type RecordedRequest,
  type Recording,
  type WorkColumns,
  type WorkKind,
  workKinds,
} from './recording.ts';

/** What a request does for a while. One that runs but sits a step out goes on with what it did. */
export interface Phase {
  readonly from: Seconds;
  readonly to: Seconds;
  readonly phase: 'queued' | 'prefill' | 'decode' | 'held' | 'preempted';
  /** The first step that finds it so. */
  readonly step: number;
}

export type RequestState = Phase['phase'] | 'absent' | 'finished' | 'aborted' | 'rejected';

/** Phases of a request, and from which step on it is over. */
export interface Life {
  readonly phases: readonly Phase[];
  readonly over: number;
}

type Draft = { -readonly [K in keyof Phase]: Phase[K] };

/** Requests that are looked at again, in the next frame or by the next hand. */
const KEPT = 64;

const known = new WeakMap<Recording, Map<number, Life>>();

/** Worked out for one request, from the steps between its admission and its end: of a long run that is little. */
export function lifeOf(recording: Recording, request: number): Life {
  let lives = known.get(recording);
  if (!lives) known.set(recording, (lives = new Map()));
  let life = lives.get(request);
  if (!life) {
    if (lives.size >= KEPT) lives.clear();
    lives.set(request, (life = workOut(recording, request)));
  }
  return life;
}

function workOut(recording: Recording, request: number): Life {
  const { requests, steps, work, decisions } = recording;
  const { arrival, end: how } = requests[request]!;
  const phases: Draft[] = [];
  let over = steps.count + 1;
  let inBatch = false;
  const enter = (phase: Phase['phase'], from: Seconds, step: number) => {
    const last = phases.at(-1);
    if (last?.phase === phase) return;
    if (last) last.to = from;
    phases.push({ phase, from, to: from, step });
  };
  const close = (to: Seconds) => {
    const last = phases.at(-1);
    if (last) last.to = Math.max(last.from, to);
  };
  const decide = ({ type, time, step }: Decision) => {
    if (type === 'arrived') enter('queued', arrival, step);
    else if (type === 'admitted') inBatch = true;
    else if (type === 'preempted') {
      enter('preempted', time, step);
      inBatch = false;
    } else if (type === 'finished' || type === 'aborted' || type === 'rejected') {
      close(time);
      over = step;
    }
  };
  const about = Array.from(decisionsAbout(recording, request), i => decisions[i]!);
  let next = 0;
  for (let step = 0; step < steps.count && step < over; step++) {
    if (!inBatch) {
      // Nothing happens to one that waits until something is decided.
      if (next === about.length) break;
      step = Math.max(step, about[next]!.step);
    }
    // Who hangs up while a step runs has a part in it all the same.
    for (; next < about.length && about[next]!.step <= step; next++) {
      if (about[next]!.time > steps.time[step]!) break;
      decide(about[next]!);
    }
    if (!inBatch || step >= steps.count) continue;
    const kind = over <= step ? undefined : workAt(work, request, step);
    if (kind) enter(kind, steps.time[step]!, step);
  }
  for (; next < about.length; next++) decide(about[next]!);
  if (how === 'running') close(steps.end[steps.count - 1] ?? 0);
  return { phases, over };
}

/** What a request does in a step. Some samples of it may be done: it is held when all are. */
function workAt({ start, request, kind }: WorkColumns, wanted: number, step: number): WorkKind | undefined {
  let found: WorkKind | undefined;
  for (let i = start[step]!; i < start[step + 1]!; i++) {
    if (request[i] !== wanted) continue;
    const does = workKinds[kind[i]!]!;
    if (does !== 'held') return does;
    found = does;
  }
  return found;
}

/** The state of a request when a step ran. */
export function stateOf({ phases, over }: Life, end: RecordedRequest['end'], step: number): RequestState {
  if (end !== 'running' && over <= step) return end;
  let state: RequestState = 'absent';
  for (const { phase, step: since } of phases) {
    if (since > step) break;
    state = phase;
  }
  return state;
}
