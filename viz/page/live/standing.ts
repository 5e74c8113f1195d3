import type { Seconds } from '../../../src/core/units.ts';
import type { Pane, Pin } from '../../picture.ts';
import { timeOf } from '../cursor.ts';
import type { Run } from '../run.ts';
import { type PageState, type Span, startOf } from '../state.ts';
import { carriedPin, latestWindow } from './following.ts';

/** Where the page stands in what the engine does: at its newest step, or still. */
export class Standing {
  /** Without a time it follows. Scenarios and policies of it mean nothing here. */
  state: PageState = startOf();
  #run: Run | undefined;

  get run(): Run | undefined {
    return this.#run;
  }

  get following(): boolean {
    return this.state.time === undefined;
  }

  /** Another recording of the same engine, or of another one: undefined until that has one. */
  show(run: Run | undefined): void {
    const { pin } = this.state;
    const carried = run && this.#run ? carriedPin(pin?.pin, this.#run.recording, run.recording) : undefined;
    this.#run = run;
    this.state = { ...this.state, pin: carried && { side: 'a', pin: carried } };
  }

  update(change: Partial<PageState>): void {
    this.state = { ...this.state, ...change };
  }

  follow(): void {
    this.update({ time: undefined, zoom: undefined, brush: undefined });
  }

  /** Stays where it is, with what it shows. */
  halt(): void {
    if (this.following && this.#run) this.update({ time: this.time, zoom: this.window });
  }

  get time(): Seconds {
    if (!this.#run) return 0;
    return this.following ? this.#run.end : timeOf(this.state, [['a', this.#run]]);
  }

  /** All that the recording holds. */
  get extent(): Span {
    const { start = 0, end = 1 } = this.#run ?? {};
    return [start, end > start ? end : start + 1];
  }

  get window(): Span {
    if (this.state.zoom) return this.state.zoom;
    return this.#run && this.following ? latestWindow(this.#run) : this.extent;
  }

  get pin(): Pin | undefined {
    return this.state.pin?.pin;
  }

  /** What views look at; undefined while there is nothing. */
  get seen(): Pane | undefined {
    const run = this.#run;
    if (!run || run.recording.steps.count === 0) return undefined;
    const { time, window, pin } = this;
    const step = run.replay.stepAt(time);
    return { recording: run.recording, step, blocks: run.replay.stateAt(step), time, window, pin };
  }
}
