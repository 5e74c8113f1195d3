import type { Recording } from '../../src/trace/recording.ts';
import type { Mark, Theme, View } from '../picture.ts';
import { line } from './marks.ts';
import { highestOf } from './peaks.ts';
import { remember } from './remember.ts';
import { stepUnder } from './step-under.ts';
import { stairs, stepName, stretches } from './steps.ts';
import { axisAndCursor, frame, type Plot, plotKey, plotOf, sideLegend, valueAxis } from './time-axis.ts';
import { plural, whole } from './words.ts';

const remembered = remember<readonly Mark[]>();

/** Each is drawn over the next, and thinner, so that equal counts can all be seen. */
const counts = [
  {
    name: 'waiting',
    color: (theme: Theme) => theme.work.preempted,
    width: 1.5,
  },
  {
    name: 'running',
    color: (theme: Theme) => theme.work.decode,
    width: 3,
  },
  // Rows of a batch whose request has ended.
  {
    name: 'held',
    color: (theme: Theme) => theme.work.held,
    width: 5,
  },
] as const;

/** How many requests run, and how many wait for it. */
export const queue: View = {
  name: 'queue',
  title: 'Queue and batch',

  draw(pane, size, theme) {
    const plot = plotOf(pane, size);
    const { recording, step } = pane;
    const entries = counts.map(({ name, color }) => ({
      colors: [color(theme)],
      text: `${name} ${whole(recording.steps[name][step] ?? 0)}`,
      none: !recording.steps[name][step],
    }));
    return {
      ...size,
      label: `Requests over time; at ${stepName(step)} ${entries.map(entry => entry.text).join(', ')}`,
      marks: [
        ...remembered(recording, plotKey(plot, size, theme), () => lines(recording, plot, theme)),
        ...sideLegend(plot, stepName(step), entries, theme),
        ...axisAndCursor(plot, pane, theme),
      ],
    };
  },

  at(pane, size, x) {
    const { running, waiting, held, prefillTokens, decodeTokens } = pane.recording.steps;
    return stepUnder(pane, size, x, 'nothing runs or waits', step => [
      `${plural(running[step]!, 'request')} running, ${whole(waiting[step]!)} waiting`,
      ...(held[step]! > 0 ? [`${plural(held[step]!, 'ended row')} held by the batch`] : []),
      `${whole(prefillTokens[step]!)} prefill tokens, ${whole(decodeTokens[step]!)} decode tokens`,
    ]);
  },
};

function lines(recording: Recording, plot: Plot, theme: Theme): Mark[] {
  const { steps } = recording;
  const most = counts.map(({ name }) => highestOf(recording, name));
  const axis = valueAxis(plot, Math.max(...most) * 1.05, theme, true);
  return [
    ...frame(plot, 'requests', theme),
    ...axis.marks,
    ...[...counts].reverse().flatMap(({ name, color, width }) => {
      if (highestOf(recording, name) === 0) return [];
      const drawn = stretches(recording, plot, name);
      return [
        line(
          stairs(drawn, step => axis.y(steps[name][step]!), plot.bottom, false),
          color(theme),
          width,
        ),
      ];
    }),
  ];
}
