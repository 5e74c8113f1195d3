import { type SlotKind, slotKinds } from '../../src/core/kv-memory.ts';
import type { Recording } from '../../src/trace/recording.ts';
import type { Mark, Theme, View } from '../picture.ts';
import { line } from './marks.ts';
import { remember } from './remember.ts';
import { stepUnder } from './step-under.ts';
import { stairs, stepName, stretches } from './steps.ts';
import { axisAndCursor, frame, type Plot, plotKey, plotOf, sideLegend, valueLabel } from './time-axis.ts';
import { percent, whole } from './words.ts';

const remembered = remember<readonly Mark[]>();

/** KV memory by kind of slot over time, stacked; what is free is what is left below the capacity. */
export const memoryOverTime: View = {
  name: 'memory-over-time',
  title: 'KV memory over time',

  draw(pane, size, theme) {
    const plot = plotOf(pane, size);
    const { recording, step } = pane;
    const entries = [...slotKinds].reverse().map(kind => ({
      colors: [theme.kinds[kind]],
      text: `${kind} ${percent(share(recording, kind, step))}`,
      none: share(recording, kind, step) === 0,
    }));
    return {
      ...size,
      label:
        `KV memory by kind over time, of ${whole(recording.memory.capacity)} slots; at ${stepName(step)} ` +
        slotKinds.map(kind => `${kind} ${percent(share(recording, kind, step))}`).join(', '),
      marks: [
        ...remembered(recording, plotKey(plot, size, theme), () => layers(recording, plot, theme)),
        ...sideLegend(plot, stepName(step), entries, theme),
        ...axisAndCursor(plot, pane, theme),
      ],
    };
  },

  at(pane, size, x) {
    const { recording } = pane;
    return stepUnder(pane, size, x, 'nothing runs', step =>
      slotKinds.map(kind => {
        const slots = recording.steps.usage[kind][step]!;
        return `${kind}: ${whole(slots)} slots, ${percent(share(recording, kind, step))}`;
      }),
    );
  },
};

const share = ({ steps, memory }: Recording, kind: SlotKind, step: number) =>
  memory.capacity > 0 ? (steps.usage[kind][step] ?? 0) / memory.capacity : 0;

function layers(recording: Recording, plot: Plot, theme: Theme): Mark[] {
  const { steps, memory } = recording;
  const { left, right, top, bottom } = plot;
  const y = (sum: number) => bottom - (memory.capacity > 0 ? sum / memory.capacity : 0) * (bottom - top);
  // A peak is where least is left.
  const drawn = stretches(recording, plot, 'free');
  // From the highest outline down, each over the last: every layer ends where the next one begins.
  const areas: Mark[] = [];
  for (let above = slotKinds.indexOf('free'); above > 0; above--) {
    const kinds = slotKinds.slice(0, above);
    const height = (step: number) => y(kinds.reduce((sum, kind) => sum + steps.usage[kind][step]!, 0));
    areas.push({
      kind: 'area',
      points: stairs(drawn, height, bottom, true),
      color: theme.kinds[kinds.at(-1)!],
    });
  }
  return [
    ...frame(plot, `% of ${whole(memory.capacity)} KV slots`, theme),
    ...areas,
    ...[0, 50, 100].flatMap(percentage => {
      const at = bottom - (percentage / 100) * (bottom - top);
      return [
        line([left, at, right, at], percentage === 50 ? theme.grid : theme.muted),
        valueLabel(plot, at, String(percentage), theme),
      ];
    }),
  ];
}
