import type { EngineEvent, Listener } from '../../core/events.ts';
import type { Seconds } from '../../core/units.ts';
import { type StepSizes, sizesOfRun } from './step-features.ts';

/** A step that ran, and how long it kept the engine. */
export interface StepSample {
  readonly sizes: StepSizes;
  readonly seconds: Seconds;
}

/**
 * The steps of an engine. A step takes from the end of the one before, so that what the engine does in between is in
 * it; after a pause, from its own beginning.
 */
export class StepSamples implements Listener {
  readonly detail = false;
  readonly samples: StepSample[] = [];
  #free: Seconds | undefined;

  on(event: EngineEvent): void {
    if (event.type === 'idle') this.#free = undefined;
    if (event.type !== 'step') return;
    const { plan, time, end } = event;
    const seconds = end - (this.#free ?? time);
    this.#free = end;
    if (seconds > 0) this.samples.push({ sizes: sizesOfRun(plan), seconds });
  }
}
