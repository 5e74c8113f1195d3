import type { Mark, Pane, Theme, View } from '../picture.ts';
import { idleHatch } from '../theme.ts';
import { barCountsAt } from './bar-counts.ts';
import { barKinds } from './bars.ts';
import { laneMarks, names, sampled } from './lane-marks.ts';
import { type Lanes, lanesOf, pinnedRequest } from './lanes.ts';
import { outline } from './marks.ts';
import { remember } from './remember.ts';
import { requestWords } from './request-words.ts';
import { stepName } from './steps.ts';
import { axisAndCursor, type Plot, plotKey, plotOf, sideLegend, timeAt, xOf } from './time-axis.ts';
import { moment, whole } from './words.ts';

const remembered = remember<readonly Mark[]>();

/** A lane a request: when it was queued, computed, held or preempted. */
export const timeline: View = {
  name: 'timeline',
  title: 'Batch timeline',

  draw(pane, size, theme) {
    const plot = plotOf(pane, size);
    const { recording, step } = pane;
    const pinned = pinnedRequest(pane);
    const lanes = lanesOf(recording, plot, pinned);
    // Which requests have a lane may depend on the pin.
    const key = `${plotKey(plot, size, theme)} ${sampled(recording, lanes) ? pinned : ''}`;
    // Of the step that it names, also where that has just ended.
    const end = recording.steps.end[step];
    const inStep = end === undefined || pane.time < end ? pane.time : recording.steps.time[step]!;
    const doing = barCountsAt(recording, inStep);
    const entries = barKinds.flatMap(kind =>
      kind === 'stalled'
        ? []
        : [
            {
              colors: [theme.work[kind]],
              text: `${kind} ${whole(doing[kind])}`,
              none: doing[kind] === 0,
              ...(kind === 'held' && { hatch: idleHatch }),
            },
          ],
    );
    return {
      ...size,
      label: `Requests over time, a lane each; at ${stepName(step)} ${entries.map(entry => entry.text).join(', ')}`,
      marks: [
        ...remembered(recording, key, () => laneMarks(recording, plot, lanes, theme)),
        ...names(recording, plot, lanes, pinned, theme),
        ...highlight(pane, plot, lanes, pinned, theme),
        ...sideLegend(plot, stepName(step), entries, theme),
        ...axisAndCursor(plot, pane, theme),
      ],
    };
  },

  at(pane, size, x, y) {
    const plot = plotOf(pane, size);
    const { recording } = pane;
    const time = timeAt(plot, x);
    const { requests, pitch } = lanesOf(recording, plot, pinnedRequest(pane));
    const request = y < plot.bottom ? requests[Math.floor((y - plot.top) / pitch)] : undefined;
    // The margin at the left names the lanes.
    if (request !== undefined && x < plot.right) {
      return {
        pin: { kind: 'request', request },
        ...(time !== undefined && { time }),
        text: requestWords(recording, request, time ?? pane.time),
      };
    }
    return time === undefined ? undefined : { time, text: [`${moment(time, 1e-3)} s`] };
  },
};

/** The lane of what is pinned, and the moment of a pinned decision. */
function highlight(
  { recording, pin }: Pane,
  plot: Plot,
  lanes: Lanes,
  pinned: number | undefined,
  theme: Theme,
): Mark[] {
  const lane = pinned === undefined ? -1 : lanes.requests.indexOf(pinned);
  if (lane < 0) return [];
  const { left, right, top } = plot;
  const height = Math.max(lanes.pitch, 5);
  const middle = top + (lane + 0.5) * lanes.pitch;
  const marks: Mark[] = [
    outline(left, Math.max(top, middle - height / 2), right - left, height, theme.cursor),
  ];
  const decision = pin?.kind === 'decision' ? recording.decisions[pin.decision] : undefined;
  if (decision && decision.time >= plot.from && decision.time <= plot.to) {
    const x = xOf(plot, decision.time);
    marks.push({
      kind: 'area',
      points: [x, middle - 6, x + 6, middle, x, middle + 6, x - 6, middle],
      color: theme.cursor,
    });
  }
  return marks;
}
