/** Turns token ids into text as they come; holds back what is not a whole character yet. */
export interface Detokenizer {
  push(id: number): string;
  flush(): string;
}

/**
 * The text of one sample, watched for stop strings. What may yet turn out to be the beginning of one is not
 * given out before that is known.
 */
export class SampleText {
  #text = '';
  /** Characters given out by `take`. */
  #taken = 0;
  #ended = false;
  readonly #detokenizer: Detokenizer | undefined;
  readonly #stop: readonly string[];
  /** A stop string begins at most this many characters before what is new. */
  readonly #overlap: number;

  constructor(detokenizer: Detokenizer | undefined, stop: readonly string[]) {
    this.#detokenizer = detokenizer;
    this.#stop = stop;
    this.#overlap = Math.max(0, ...stop.map(text => text.length - 1));
  }

  get text(): string {
    return this.#text;
  }

  /**
   * Adds a token; returns the stop string that it completes, at which the text now ends.
   * @param watch false: what this token adds is not searched (vLLM's `min_tokens`).
   */
  push(id: number, watch: boolean): string | undefined {
    const from = this.#text.length;
    this.#text += this.#detokenizer?.push(id) ?? '';
    return watch ? this.#stopAt(from) : undefined;
  }

  #stopAt(from: number): string | undefined {
    let first = Number.POSITIVE_INFINITY;
    let found: string | undefined;
    for (const stop of this.#stop) {
      const at = this.#text.indexOf(stop, Math.max(0, from - stop.length + 1));
      if (at < 0 || at >= first) continue;
      first = at;
      found = stop;
    }
    if (found === undefined) return undefined;
    this.#text = this.#text.slice(0, first);
    this.#ended = true;
    return found;
  }

  /** No token follows. */
  end(): void {
    if (this.#ended) return;
    this.#text += this.#detokenizer?.flush() ?? '';
    this.#ended = true;
  }

  /** The text since the last call, as far as it is certain. */
  take(): string {
    const to = this.#ended ? this.#text.length : Math.max(this.#taken, this.#text.length - this.#overlap);
    const text = this.#text.slice(this.#taken, to);
    this.#taken = to;
    return text;
  }
}
