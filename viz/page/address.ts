/** Browsers allow few changes of the address a second, so it follows when the page rests. */
const REST_MS = 300;

/** The part of the page's address behind `#`, which holds its state. */
export class Address {
  #rest: ReturnType<typeof setTimeout> | undefined;
  /** What was written last: hearing of that is no news. */
  #written: string | undefined;

  constructor(changed: () => void) {
    window.addEventListener('hashchange', () => {
      if (this.hash === this.#written) return;
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
      this.#written = hash;
      if (hash !== this.hash) history.replaceState(undefined, '', `#${hash}`);
    }, REST_MS);
  }
}
