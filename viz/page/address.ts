/** Browsers allow few changes of the address a second, so it follows when the page rests. */
const REST_MS = 300;

/** The part of the page's address behind `#`, which holds its state. */
export class Address {
  #rest: ReturnType<typeof setTimeout> | undefined;
  /** What the page shows: hearing of that is no news. */
  #known = location.hash.slice(1);

  constructor(changed: () => void) {
    window.addEventListener('hashchange', () => {
      if (this.hash === this.#known) return;
      this.#known = this.hash;
      clearTimeout(this.#rest);
      changed();
    });
  }

  get hash(): string {
    return location.hash.slice(1);
  }

  write(hash: string): void {
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => {
      // Somebody wrote another one, and the page is about to hear of it.
      if (this.hash !== this.#known) return;
      if (hash !== this.hash) history.replaceState(undefined, '', `#${hash}`);
      // As the browser has it: some characters are written another way there.
      this.#known = this.hash;
    }, REST_MS);
  }
}
