import type { Seconds } from '../../../src/core/units.ts';
import type { Decision, StepColumns } from '../../../src/trace/recording.ts';
import type { Run } from '../run.ts';

type Test = (steps: StepColumns, step: number) => boolean;

/** The first step of which something holds; undefined: there is none. */
export function firstStep({ recording: { steps } }: Run, test: Test, from = 0): number | undefined {
  for (let step = from; step < steps.count; step++) if (test(steps, step)) return step;
  return undefined;
}

/** The step that has most of something, the first of equals; undefined where no step has any. */
export function mostOf(
  { recording: { steps } }: Run,
  score: (steps: StepColumns, step: number) => number,
): number | undefined {
  let [best, most] = [-1, 0];
  for (let step = 0; step < steps.count; step++) {
    const value = score(steps, step);
    if (value > most) [best, most] = [step, value];
  }
  return best < 0 ? undefined : best;
}

/** When a step begins. */
export const timeOfStep = ({ recording: { steps } }: Run, step: number): Seconds => steps.time[step]!;

/** The first decision of a kind that was made before a step that ran. */
export function firstDecision(
  { recording: { decisions, steps } }: Run,
  type: Decision['type'],
  test: (decision: Decision) => boolean = () => true,
): { readonly decision: Decision; readonly index: number } | undefined {
  const index = decisions.findIndex(
    decision => decision.type === type && decision.step < steps.count && test(decision),
  );
  return index < 0 ? undefined : { decision: decisions[index]!, index };
}
