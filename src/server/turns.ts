/** Milliseconds of work in a row; what follows it (promises, writes to sockets) takes about as long again. */
const SLICE = 2;

/**
 * A step brings tokens for hundreds of clients at once. They are told in slices, in order, and between two slices
 * sockets and timers have their turn: others need not wait for the last of them.
 */
export class Turns {
  readonly #tasks: (() => void)[] = [];
  #next = 0;
  #begun = 0;
  #scheduled = false;

  /** Does it now, if there is time and nothing before it. @param task must not throw. */
  add(task: () => void): void {
    if (!this.#scheduled) {
      this.#scheduled = true;
      this.#begun = performance.now();
      setImmediate(() => this.#slice());
    }
    if (this.#next === this.#tasks.length && performance.now() - this.#begun < SLICE) task();
    else this.#tasks.push(task);
  }

  #slice(): void {
    this.#begun = performance.now();
    while (this.#next < this.#tasks.length && performance.now() - this.#begun < SLICE) {
      this.#tasks[this.#next++]!();
    }
    if (this.#next < this.#tasks.length) {
      setImmediate(() => this.#slice());
      return;
    }
    this.#tasks.length = 0;
    this.#next = 0;
    this.#scheduled = false;
  }
}
