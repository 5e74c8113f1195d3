import type { StepPlan, StepResult } from '../core/step-plan.ts';

/**
 * Runs a step. The one thing that differs between a simulation and a real GPU: a simulated executor
 * answers at once and its duration is a price; a real one answers when the tokens are there.
 */
export interface Executor<
  Result extends StepResult | Promise<StepResult> = StepResult | Promise<StepResult>,
> {
  execute(plan: StepPlan): Result;
}
