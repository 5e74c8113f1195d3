import type { Hit, Pane, Size } from '../picture.ts';
import { stepAndTime, stepAt } from './steps.ts';
import { plotOf, timeAt } from './time-axis.ts';
import { moment } from './words.ts';

/**
 * What a view over time says under a pointer.
 * @param idle between two steps.
 * @param words of a step.
 */
export function stepUnder(
  pane: Pane,
  size: Size,
  x: number,
  idle: string,
  words: (step: number) => readonly string[],
): Hit | undefined {
  const time = timeAt(plotOf(pane, size), x);
  if (time === undefined) return undefined;
  const step = stepAt(pane.recording, time);
  if (step === undefined) return { time, text: [`${moment(time, 1e-3)} s`, idle] };
  return { time, text: [stepAndTime(pane.recording, step), ...words(step)] };
}
