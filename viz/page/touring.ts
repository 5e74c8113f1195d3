import type { Runs } from './cursor.ts';
import type { Run } from './run.ts';
import type { PageState } from './state.ts';
import { findTour, type Place, stopAt } from './tours/index.ts';
import type { Found, Stop, Tour } from './tours/stop.ts';

/** Where a tour stands, and what of it the page shows. */
export interface Standing {
  readonly place: Place;
  readonly tour: Tour;
  readonly stop: Stop;
  /** The runs of the stop are there. */
  readonly ready: boolean;
  /** Other policies than the stop's were chosen: what it says is not about these. */
  readonly paused: boolean;
  /** Its moment in these runs; undefined: there is none with these settings. */
  readonly found: Found | undefined;
  /** The cursor is elsewhere than the stop put it. */
  readonly moved: boolean;
}

/** Finds the moment of a stop in the runs that are there; once for these. */
export class Touring {
  #stop: Stop | undefined;
  #a: Run | undefined;
  #b: Run | undefined;
  #found: Found | undefined;

  /** @param ready whether the runs are those of the state, and not those before. */
  stand(state: PageState, runs: Runs, ready: boolean): Standing | undefined {
    if (!state.tour) {
      this.#stop = this.#found = undefined;
      return undefined;
    }
    const stop = stopAt(state.tour);
    const paused = state.a !== stop.a || state.b !== stop.b;
    const of = (side: 'a' | 'b') => runs.find(([one]) => one === side)?.[1];
    const [a, b] = [of('a'), of('b')];
    const able = ready && !paused && a !== undefined && (stop.b === undefined || b !== undefined);
    // Until then the cursor stays where it was.
    if (able && (stop !== this.#stop || a !== this.#a || b !== this.#b)) {
      this.#found = stop.find({ a, b });
      [this.#stop, this.#a, this.#b] = [stop, a, b];
    }
    return {
      place: state.tour,
      tour: findTour(state.tour.tour)!,
      stop,
      ready: able,
      paused,
      found: this.#found,
      moved: state.time !== undefined,
    };
  }
}
