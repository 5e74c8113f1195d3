import type { Recording } from '../../src/trace/recording.ts';
import type { Mark, Pane, Theme, View } from '../picture.ts';
import { outline } from './marks.ts';
import { remember } from './remember.ts';
import { stepUnder } from './step-under.ts';
import { highest, stairs, stepName, stretches } from './steps.ts';
import {
  axisAndCursor,
  frame,
  type Plot,
  plotKey,
  plotOf,
  sideLegend,
  type ValueAxis,
  valueAxis,
  xOf,
} from './time-axis.ts';
import { digits, duration, whole } from './words.ts';

interface Layout {
  readonly axis: ValueAxis;
  readonly marks: readonly Mark[];
}

const remembered = remember<Layout>();

/** Upward in the stack. */
const bounds = ['compute', 'bandwidth', 'overhead'] as const;

/** How long each step took, and which part of it arithmetic, memory bandwidth or neither bound. */
export const stepTime: View = {
  name: 'step-time',
  title: 'Step time',

  draw(pane, size, theme) {
    const plot = plotOf(pane, size);
    const { recording, step } = pane;
    const { steps } = recording;
    const { axis, marks } = remembered(recording, plotKey(plot, size, theme), () =>
      bars(recording, plot, theme),
    );
    const milliseconds = (values: Float32Array) => digits((values[step] ?? 0) * 1e3);
    const entries = [...bounds].reverse().map(bound => ({
      colors: [theme.bound[bound]],
      text: `${bound} ${milliseconds(steps[bound])}`,
      none: !steps[bound][step],
    }));
    return {
      ...size,
      label: `Milliseconds a step; ${stepName(step)}: ${entries.map(entry => entry.text).join(', ')}`,
      marks: [
        ...marks,
        ...current(pane, plot, axis, theme),
        ...sideLegend(plot, stepName(step), entries, theme),
        ...axisAndCursor(plot, pane, theme),
      ],
    };
  },

  at(pane, size, x) {
    const { steps } = pane.recording;
    return stepUnder(pane, size, x, 'nothing runs', step => [
      `took ${duration(steps.end[step]! - steps.time[step]!)}`,
      `bound by arithmetic: ${duration(steps.compute[step]!)}`,
      `bound by memory bandwidth: ${duration(steps.bandwidth[step]!)}`,
      `overhead: ${duration(steps.overhead[step]!)}`,
      `${whole(steps.prefillTokens[step]!)} prefill tokens, ${whole(steps.decodeTokens[step]!)} decode tokens`,
    ]);
  },
};

function bars(recording: Recording, plot: Plot, theme: Theme): Layout {
  const { steps } = recording;
  const { compute, bandwidth, overhead } = steps;
  const whole = (step: number) => compute[step]! + bandwidth[step]! + overhead[step]!;
  const drawn = stretches(recording, plot, 'duration');
  // Of what is shown: one long prefill at the start would press all later steps to the ground.
  const axis = valueAxis(plot, highest(drawn.map(({ step }) => whole(step) * 1e3)) * 1.05, theme);
  const layer = (height: (step: number) => number, color: string): Mark => ({
    kind: 'area',
    points: stairs(drawn, step => axis.y(height(step) * 1e3), plot.bottom, true),
    color,
  });
  return {
    axis,
    marks: [
      ...frame(plot, 'ms a step', theme),
      ...axis.marks,
      layer(whole, theme.bound.overhead),
      layer(step => compute[step]! + bandwidth[step]!, theme.bound.bandwidth),
      layer(step => compute[step]!, theme.bound.compute),
    ],
  };
}

/** The bar of the step at the cursor. */
function current({ recording: { steps }, step }: Pane, plot: Plot, axis: ValueAxis, theme: Theme): Mark[] {
  if (!(step >= 0 && step < steps.count)) return [];
  const x0 = Math.max(plot.left, xOf(plot, steps.time[step]!));
  const x1 = Math.min(plot.right, xOf(plot, steps.end[step]!));
  if (x1 < x0) return [];
  const y = axis.y((steps.compute[step]! + steps.bandwidth[step]! + steps.overhead[step]!) * 1e3);
  return [outline(x0, y, Math.max(x1 - x0, 2), plot.bottom - y, theme.cursor)];
}
