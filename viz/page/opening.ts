import { percent } from '../views/words.ts';
import { type Opened, openFile } from './opened-file.ts';

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
        progress: share =>
          say(
            share < 1
              ? `Opening ${file.name}: ${percent(share)} read`
              : `Opening ${file.name}: 100 % read, unpacking …`,
          ),
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
