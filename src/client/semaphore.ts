/** Lets so many through at a time; the others wait in the order they came. */
export class Semaphore {
  #free: number;
  readonly #waiting: (() => void)[] = [];
  #head = 0;

  constructor(permits: number) {
    this.#free = permits;
  }

  async acquire(): Promise<void> {
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    await new Promise<void>(resolve => this.#waiting.push(resolve));
  }

  release(): void {
    if (this.#head === this.#waiting.length) {
      this.#free++;
      return;
    }
    this.#waiting[this.#head++]!();
    if (this.#head < 1024) return;
    this.#waiting.splice(0, this.#head);
    this.#head = 0;
  }
}
