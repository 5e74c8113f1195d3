import type { Seconds } from '../../src/core/units.ts';
import { announcement, extentOf, goingTo, type Runs, stepFrom, timeOf } from './cursor.ts';
import type { Frames } from './frames.ts';
import type { Run } from './run.ts';
import type { PageState, Span } from './state.ts';

/** What of the page the playhead moves over, and moves. */
export interface Track {
  readonly state: PageState;
  readonly runs: Runs;
  /** The run whose steps are taken; undefined where nothing ran. */
  readonly active: Run | undefined;
  /** Where the story is, as long as nobody moved the cursor. */
  readonly story: Seconds | undefined;
  update(change: Partial<PageState>): void;
  say(words: string): void;
}

/** Moves the cursor: to a time, by steps, by itself. */
export class Playhead {
  readonly #track: Track;
  readonly #frames: Frames;

  constructor(track: Track, frames: Frames) {
    this.#track = track;
    this.#frames = frames;
  }

  get time(): Seconds {
    const { state, runs, story } = this.#track;
    return timeOf(state, runs, story);
  }

  get extent(): Span {
    return extentOf(this.#track.runs);
  }

  seek(time: Seconds): void {
    this.#track.update(goingTo(this.#track.state, time, this.extent));
  }

  step(by: number): void {
    const { active } = this.#track;
    if (active) this.#goTo(active, stepFrom(active, this.time, by));
  }

  toEnd(of: 'first' | 'last'): void {
    const { active } = this.#track;
    if (active) this.#goTo(active, of === 'first' ? 0 : active.recording.steps.count - 1);
  }

  toggle(): void {
    this.play(!this.#frames.playing);
  }

  play(playing: boolean): void {
    // From the end it begins again.
    const [from, to] = this.extent;
    if (playing && this.time >= to) this.seek(from);
    this.#frames.play(playing);
  }

  advance(seconds: Seconds): void {
    const [, end] = this.extent;
    const time = Math.min(end, this.time + seconds * this.#track.state.speed);
    this.seek(time);
    if (time >= end) this.#frames.play(false);
  }

  #goTo(run: Run, step: number): void {
    this.play(false);
    this.seek(run.recording.steps.time[step]!);
    this.#track.say(announcement(run, step));
  }
}
