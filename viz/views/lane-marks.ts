import type { Recording } from '../../src/trace/recording.ts';
import type { Mark, Theme } from '../picture.ts';
import { idleHatch } from '../theme.ts';
import { type Bar, type BarKind, barKinds, barsOf } from './bars.ts';
import type { Lanes } from './lanes.ts';
import { fontSize, line, rect, text } from './marks.ts';
import { frame, type Plot, xOf } from './time-axis.ts';
import { whole } from './words.ts';

const colorOf = (kind: BarKind, theme: Theme) => theme.work[kind === 'stalled' ? 'queued' : kind];
/** Waiting is thin: the eye looks for what is computed. */
const thin: ReadonlySet<BarKind> = new Set(['queued', 'preempted', 'stalled']);

export const sampled = (recording: Recording, { requests }: Lanes) =>
  requests.length < recording.requests.length;

/** All lanes of a plot, with what their requests did. */
export function laneMarks(recording: Recording, plot: Plot, lanes: Lanes, theme: Theme): Mark[] {
  const { requests, pitch } = lanes;
  const all = barsOf(recording);
  const shown = sampled(recording, lanes)
    ? `${whole(requests.length)} of ${whole(recording.requests.length)} requests, by arrival`
    : 'requests, by arrival';
  // Marks of a colour together, which a painter is quickest with.
  const byKind = new Map<BarKind, Mark[]>(barKinds.map(kind => [kind, []]));
  const owners: Mark[] = [];
  const crosses: Mark[] = [];
  for (const [lane, request] of requests.entries()) {
    const middle = plot.top + (lane + 0.5) * pitch;
    laneBars(all[request]!, plot, middle, lanes.thickness, theme, byKind);
    crosses.push(...cross(recording, request, plot, middle, lanes.thickness, theme));
    const thick = Math.max(1, Math.min(lanes.thickness, pitch - 1));
    owners.push(rect(plot.left - 6, middle - thick / 2, 4, thick, theme.owner(request)));
  }
  return [...frame(plot, shown, theme), ...[...byKind.values()].flat(), ...crosses, ...owners];
}

function laneBars(
  bars: readonly Bar[],
  plot: Plot,
  middle: number,
  thickness: number,
  theme: Theme,
  byKind: ReadonlyMap<BarKind, Mark[]>,
): void {
  let drawnTo = Number.NEGATIVE_INFINITY;
  let before: BarKind | undefined;
  for (const { from, to, kind } of bars) {
    if (to <= plot.from || from >= plot.to) continue;
    const x0 = Math.max(plot.left, xOf(plot, from));
    const x1 = Math.min(plot.right, xOf(plot, to));
    // What lies within a pixel that shows the same already adds nothing.
    if (x1 - drawnTo < 0.5 && kind === before) continue;
    // The gap between chunks of a prefill; a short prefill stays visible.
    const width = kind === 'prefill' ? (x1 - x0 > 4 ? x1 - x0 - 1 : Math.max(1, x1 - x0)) : x1 - x0;
    const height = thin.has(kind) ? Math.min(thickness, Math.max(1, thickness * 0.22)) : thickness;
    const hatch = kind === 'held' && thickness >= 6 ? idleHatch : undefined;
    byKind.get(kind)!.push(rect(x0, middle - height / 2, width, height, colorOf(kind, theme), hatch));
    drawnTo = x1;
    before = kind;
  }
}

/** Where a request was turned away, or its client hung up. */
function cross(
  recording: Recording,
  request: number,
  plot: Plot,
  middle: number,
  thickness: number,
  theme: Theme,
): Mark[] {
  const { end, arrival } = recording.requests[request]!;
  if (end !== 'rejected' && end !== 'aborted') return [];
  const time = barsOf(recording)[request]!.at(-1)?.to ?? arrival;
  if (time < plot.from || time > plot.to) return [];
  const x = xOf(plot, time);
  const arm = Math.min(4, Math.max(1, thickness / 2));
  return [
    line([x - arm, middle - arm, x + arm, middle + arm], theme.work.preempted, 1.5),
    line([x - arm, middle + arm, x + arm, middle - arm], theme.work.preempted, 1.5),
  ];
}

/** Where the name of a lane ends: ids of six digits take the gap to the lane as well. */
const rightOf = (plot: Plot, name: string) => Math.max(plot.left - 9, name.length * 7);

/** Ids of as many requests as there is room for; that of the pinned one before all others. */
export function names(
  { requests: all }: Recording,
  plot: Plot,
  { requests, pitch }: Lanes,
  pinned: number | undefined,
  theme: Theme,
): Mark[] {
  const every = Math.ceil((fontSize + 3) / pitch);
  const clamp = (y: number) => Math.min(plot.bottom, Math.max(plot.top + fontSize - 2, y));
  const baselineOf = (lane: number) => clamp(plot.top + (lane + 0.5) * pitch + 4);
  const chosen = pinned === undefined ? -1 : requests.indexOf(pinned);
  const marks: Mark[] = [];
  for (let lane = 0; lane < requests.length; lane += every) {
    const y = baselineOf(lane);
    if (chosen >= 0 && Math.abs(y - baselineOf(chosen)) < fontSize + 2) continue;
    const name = String(all[requests[lane]!]!.id);
    marks.push(text(rightOf(plot, name), y, name, theme.muted, 'end'));
  }
  if (chosen >= 0) {
    const name = String(all[pinned!]!.id);
    marks.push(text(rightOf(plot, name), baselineOf(chosen), name, theme.text, 'end', 'bold'));
  }
  return marks;
}
