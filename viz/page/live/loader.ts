import type { Recording } from '../../../src/trace/recording.ts';
import { Runner } from '../runner.ts';

/** A recording that the server has announced. */
export interface Announced {
  /** Which start of the server, and which of its models. */
  readonly run: string;
  readonly model: string;
  readonly number: number;
}

/** Milliseconds for a recording to come. */
const PATIENCE = 10_000;

export interface LoaderActions {
  loaded(recording: Recording, announced: Announced): void;
  /** It could not be read. */
  failed(message: string): void;
}

/**
 * Fetches and decodes the latest recording, one at a time and none twice: what was announced while one was under way
 * is forgotten but for the last.
 */
export class Loader {
  readonly #actions: LoaderActions;
  readonly #runner = new Runner();
  #newest: Announced | undefined;
  #shown: Announced | undefined;
  #busy = false;
  #held = false;

  constructor(actions: LoaderActions) {
    this.#actions = actions;
  }

  announce(announced: Announced): void {
    this.#newest = announced;
    void this.#load();
  }

  /** While held nothing is fetched. */
  hold(held: boolean): void {
    this.#held = held;
    void this.#load();
  }

  /** Nothing that was announced is wanted any more. */
  forget(): void {
    this.#newest = this.#shown = undefined;
  }

  async #load(): Promise<void> {
    const wanted = this.#newest;
    if (!wanted || this.#busy || this.#held || same(wanted, this.#shown)) return;
    this.#busy = true;
    try {
      const { model, number } = wanted;
      const query = `?model=${encodeURIComponent(model)}`;
      const response = await fetch(`/dashboard/recording/${number}.quire${query}`, {
        cache: 'no-store',
        signal: AbortSignal.timeout(PATIENCE),
      });
      // Gone already: there is a newer one, or word of it is under way.
      this.#shown = wanted;
      if (response.ok) await this.#decode(await response.blob(), wanted);
    } catch {
      // The connection is lost: it says so itself.
    } finally {
      this.#busy = false;
    }
    void this.#load();
  }

  #decode(file: Blob, announced: Announced): Promise<void> {
    return new Promise(resolve => {
      this.#runner.run(
        { kind: 'decode', file, name: 'what the server recorded' },
        {
          progress: () => undefined,
          done: ([recording]) => {
            resolve();
            const { run, model } = this.#newest ?? {};
            // Somebody has stopped to look closely: this comes too late, or too early.
            if (this.#held) this.#shown = undefined;
            else if (run === announced.run && model === announced.model)
              this.#actions.loaded(recording!, announced);
          },
          failed: message => {
            resolve();
            this.#actions.failed(message);
          },
        },
      );
    });
  }
}

function same(one: Announced, other: Announced | undefined): boolean {
  return one.run === other?.run && one.model === other.model && one.number === other.number;
}
