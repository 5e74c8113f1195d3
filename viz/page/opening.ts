import { percent } from '../views/words.ts';
import { type Opened, openFile } from './opened-file.ts';

/** Less than this is no news. */
const MUCH = 1e9;

const memoryWords = (bytes: number) =>
  bytes < MUCH ? '' : ` It takes about ${(bytes / 1e9).toFixed(1)} GB of memory; Esc gives up.`;

export interface OpeningActions {
  /** What goes on; undefined: nothing any more. */
  say(words: string | undefined): void;
  opened(opened: Opened): void;
  failed(error: unknown): void;
}

/** Opens one file at a time: another one, or giving up, ends the first. */
export class Opening {
  readonly #actions: OpeningActions;
  #current: AbortController | undefined;

  constructor(actions: OpeningActions) {
    this.#actions = actions;
  }

  async open(file: File): Promise<void> {
    this.giveUp();
    const current = new AbortController();
    this.#current = current;
    const { say, opened, failed } = this.#actions;
    say(`Opening ${file.name} …`);
    try {
      const found = await openFile(file, {
        signal: current.signal,
        progress: (share, doing, memory = 0) =>
          say(`Opening ${file.name}: ${percent(share)}, ${doing} …${memoryWords(memory)}`),
      });
      if (current.signal.aborted) return;
      say(undefined);
      opened(found);
    } catch (error) {
      if (!current.signal.aborted) failed(error);
    } finally {
      if (this.#current === current) this.#current = undefined;
    }
  }

  /** @returns whether there was something to give up. */
  giveUp(): boolean {
    const had = this.#current !== undefined;
    this.#current?.abort();
    this.#current = undefined;
    return had;
  }
}
