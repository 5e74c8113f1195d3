import type { Seconds } from '../../src/core/units.ts';
import type { Run } from './run.ts';
import type { PageState, Side, Span } from './state.ts';

/** The runs on the page, by pane. */
export type Runs = readonly (readonly [Side, Run])[];

/** From the first arrival to the last step of any. */
export function extentOf(runs: Runs): Span {
  if (runs.length === 0) return [0, 1];
  const from = Math.min(...runs.map(([, run]) => run.start));
  const to = Math.max(...runs.map(([, run]) => run.end));
  return [from, to > from ? to : from + 1];
}

/**
 * Where the cursor is; before it was set, where a tour has it, and else where all of them are busy, as empty
 * memory tells nothing.
 */
export function timeOf({ time: set }: PageState, runs: Runs, story?: Seconds): Seconds {
  const [from, to] = extentOf(runs);
  const time = set ?? story;
  if (time !== undefined) return Math.min(Math.max(time, from), to);
  const first = Math.min(...runs.map(([, run]) => run.end));
  return Number.isFinite(first) ? from + (first - from) * 0.6 : from;
}

/** The cursor at a time; a zoomed window comes along where it would be left behind. */
export function goingTo({ zoom }: PageState, time: Seconds, [from, to]: Span): Partial<PageState> {
  if (!zoom || (time >= zoom[0] && time <= zoom[1])) return { time };
  const length = zoom[1] - zoom[0];
  const start = Math.max(from, Math.min(time - length / 2, to - length));
  return { time, zoom: [start, start + length] };
}

/** The step so many steps on. */
export function stepFrom({ replay, recording: { steps } }: Run, time: Seconds, by: number): number {
  // Before the first step there is no step to go on from.
  if (by > 0 && time < steps.time[0]!) return 0;
  return Math.min(Math.max(0, replay.stepAt(time) + by), steps.count - 1);
}

/** Decisions that are read aloud. */
const HEARD = 4;

/** What a screen reader hears of a step. */
export function announcement(run: Run, step: number): string {
  const { steps, policy, requests } = run.recording;
  const said = run
    .decisionsUpTo(step, HEARD)
    .rows.filter(({ now }) => now)
    .map(({ decision: { request, type, reason } }) => {
      return `request ${requests[request]?.id ?? '?'} ${type}${reason ? `: ${reason}` : ''}`;
    });
  return (
    `${policy}, step ${step} of ${steps.count - 1}, ${steps.time[step]!.toFixed(3)} seconds, ` +
    `${steps.running[step]} running, ${steps.waiting[step]} waiting. ${said.join('. ')}`
  );
}
