import type { Seconds } from '../../src/core/units.ts';
import { withoutTour } from './changes.ts';
import type { Runs } from './cursor.ts';
import { type PageState, startOfStop } from './state.ts';
import { type Standing, Touring } from './touring.ts';
import { findTour } from './tours/index.ts';

/** What of the page a tour leads through. */
export interface Guided {
  readonly state: PageState;
  readonly time: Seconds;
  /** Simulates, and puts the focus on what the tour says. */
  enter(state: PageState): void;
  leave(state: PageState): void;
}

/** Leads from stop to stop, and out again. */
export class Guide {
  readonly #page: Guided;
  readonly #touring = new Touring();
  #standing: Standing | undefined;

  constructor(page: Guided) {
    this.#page = page;
  }

  /** Where the tour stood when the page was painted last. */
  get standing(): Standing | undefined {
    return this.#standing;
  }

  /** @param ready whether the runs are those of the state, and not those before. */
  stand(runs: Runs, ready: boolean): Standing | undefined {
    this.#standing = this.#touring.stand(this.#page.state, runs, ready);
    return this.#standing;
  }

  begin(tour: string): void {
    this.#visit(tour, 0);
  }

  /** To a stop of this tour; the same again: as the stop has it. */
  to(stop: number): void {
    const { tour } = this.#page.state;
    if (tour) this.#visit(tour.tour, stop);
  }

  resume(): void {
    const { tour } = this.#page.state;
    if (tour) this.to(tour.stop);
  }

  /** Past the last stop the tour ends. */
  step(by: 1 | -1): void {
    const { tour } = this.#page.state;
    if (!tour) return;
    const stop = tour.stop + by;
    if (stop === findTour(tour.tour)!.stops.length) this.end();
    else if (stop >= 0) this.to(stop);
  }

  /** What the last stop showed stays, with all views around it. @returns whether there was a tour. */
  end(): boolean {
    const { state, time } = this.#page;
    if (!state.tour) return false;
    this.#page.leave({ ...state, ...withoutTour(state), time });
    return true;
  }

  #visit(tour: string, stop: number): void {
    const { theme, speed } = this.#page.state;
    this.#page.enter({ ...startOfStop({ tour, stop }), theme, speed });
  }
}
