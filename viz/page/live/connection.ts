import { type LiveEvent, liveEvents } from './wire.ts';

/** The server speaks twice a second: when it has said nothing for so long, in milliseconds, the line is dead. */
const SILENCE = 5000;
/** Milliseconds between two attempts: at first, and at most. */
const RETRY = { first: 500, most: 5000 };

export interface ConnectionActions {
  heard(event: LiveEvent): void;
  /** It goes on trying. @param why in words. */
  lost(why: string): void;
  /** The server wants a key, or another one: no further attempt is made. */
  refused(): void;
}

/**
 * The line to the server, which hears of one engine. It is taken up again whenever it breaks, and put down while
 * nobody sees the page: an engine that nobody looks at need not record.
 */
export class Connection {
  readonly #actions: ConnectionActions;
  #model: string | undefined;
  #current: AbortController | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #wait = RETRY.first;

  constructor(actions: ConnectionActions) {
    this.#actions = actions;
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) this.#hangUp();
      else this.look(this.#model);
    });
  }

  /** Looks at another model; undefined: the first. */
  look(model: string | undefined): void {
    this.#model = model;
    this.#wait = RETRY.first;
    this.#connect();
  }

  #hangUp(): void {
    clearTimeout(this.#retry);
    this.#current?.abort();
    this.#current = undefined;
  }

  #connect(): void {
    this.#hangUp();
    if (document.hidden) return;
    const current = new AbortController();
    this.#current = current;
    const { lost, refused } = this.#actions;
    this.#listen(current).then(
      outcome => {
        if (this.#current !== current) return;
        if (outcome === 'refused') refused();
        else this.#again(() => lost(outcome));
      },
      () => {
        if (this.#current === current) this.#again(() => lost('the server does not answer'));
      },
    );
  }

  #again(say: () => void): void {
    say();
    this.#hangUp();
    this.#retry = setTimeout(() => this.#connect(), this.#wait);
    this.#wait = Math.min(RETRY.most, this.#wait * 2);
  }

  /** @returns why it is over. */
  async #listen(current: AbortController): Promise<string> {
    const { signal } = current;
    let silence: ReturnType<typeof setTimeout> | undefined;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => current.abort(new Error('silence')), SILENCE);
    };
    heard();
    try {
      const query = this.#model === undefined ? '' : `?model=${encodeURIComponent(this.#model)}`;
      const response = await fetch(`/dashboard/events${query}`, { signal, cache: 'no-store' });
      if (response.status === 401) return 'refused';
      if (response.status === 404) {
        // Of an earlier start of the server.
        this.#model = undefined;
        return 'the server has other models now';
      }
      if (!response.ok || !response.body) return `the server says ${response.status}`;
      for await (const event of liveEvents(response.body)) {
        if (this.#current !== current) return 'over';
        heard();
        this.#wait = RETRY.first;
        this.#actions.heard(event);
      }
      return 'the server has ended';
    } finally {
      clearTimeout(silence);
    }
  }
}
