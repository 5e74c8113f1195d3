/**
 * Lets those who come at once through one by one, one a turn of the event loop: between two of them sockets and
 * timers have their turn, so that others need not wait for the last.
 */
export class Turnstile {
  readonly #waiting: (() => void)[] = [];
  #turning = false;

  /** Resolves when it is the caller's turn; who comes alone need not wait. What it awaits next is another turn. */
  pass(): Promise<void> {
    if (this.#turning) return new Promise(resolve => this.#waiting.push(resolve));
    this.#turning = true;
    setImmediate(() => this.#next());
    return Promise.resolve();
  }

  #next(): void {
    const next = this.#waiting.shift();
    if (!next) {
      this.#turning = false;
      return;
    }
    next();
    setImmediate(() => this.#next());
  }
}
