/** Words change this often at most, in milliseconds: they cost a layout, and are not read faster. */
const READING = 100;

export interface FrameActions {
  /** While it plays: so many seconds went by. */
  advance(seconds: number): void;
  /** @param words whether what is written follows as well. */
  paint(words: boolean): void;
  /** All is painted and written, and nothing moves. */
  rest(): void;
}

/** Paints when something changed, once a frame; while it plays, every frame. */
export class Frames {
  readonly #actions: FrameActions;
  #playing = false;
  /** The frame that is asked for, 0 when none is. */
  #asked = 0;
  #unfinished = false;
  /** Time stamps of the last frame while playing, and of the last one that wrote words. */
  #last: number | undefined;
  #written = Number.NEGATIVE_INFINITY;

  constructor(actions: FrameActions) {
    this.#actions = actions;
  }

  get playing(): boolean {
    return this.#playing;
  }

  play(playing: boolean): void {
    this.#playing = playing;
    this.#last = undefined;
    this.ask();
  }

  /** Not all is painted yet: the next frame goes on with it. */
  goOn(): void {
    this.#unfinished = true;
    this.ask();
  }

  ask(): void {
    this.#asked ||= requestAnimationFrame(stamp => {
      if (this.#playing) {
        const elapsed = this.#last === undefined ? 0 : (stamp - this.#last) / 1000;
        this.#last = stamp;
        this.#actions.advance(elapsed);
      }
      const words = stamp - this.#written > READING;
      if (words) this.#written = stamp;
      this.#unfinished = false;
      this.#actions.paint(words);
      this.#asked = 0;
      if (this.#playing || this.#unfinished) this.ask();
      else if (words) this.#actions.rest();
      else setTimeout(() => this.ask(), READING);
    });
  }
}
