/** No character of UTF-8 is longer, so no more tokens than these, less one, wait for the rest of theirs. */
const LONGEST_CHARACTER = 4;
/** Of the prompt, enough that the first word of the output knows what it follows (as in vLLM). */
const CONTEXT = 6;

const BROKEN = '\uFFFD';

/**
 * Text of tokens that come one by one. What a token reads as depends on those before it (a space that only the
 * first word loses) and after it (a character of several bytes), so a window of tokens is read with and without the
 * newest, and the difference is new; it is held back while it ends within a character. The pieces of an output
 * together are its text.
 */
export class Detokenizer {
  readonly #decode: (ids: readonly number[]) => string;
  readonly #isShown: (id: number) => boolean;
  /** The window: `#read` tokens whose text is out, and those behind them. */
  #window: number[] = [];
  #read: number;
  /** Text of the first `#read` tokens of the window. */
  #before: string;

  constructor(
    decode: (ids: readonly number[]) => string,
    isShown: (id: number) => boolean,
    prompt: ArrayLike<number>,
  ) {
    this.#decode = decode;
    this.#isShown = isShown;
    for (let i = prompt.length - 1; i >= 0 && this.#window.length < CONTEXT; i--) {
      if (isShown(prompt[i]!)) this.#window.unshift(prompt[i]!);
    }
    this.#read = this.#window.length;
    this.#before = decode(this.#window);
  }

  /** The text that is sure now; often none, sometimes of more than this token. */
  push(id: number): string {
    if (!this.#isShown(id)) return '';
    this.#window.push(id);
    const text = this.#decode(this.#window);
    if (!text.endsWith(BROKEN)) return this.#emit(text, this.#window.length);
    // Broken bytes and not half a character, when so many tokens did not end it.
    for (let sure = this.#window.length - LONGEST_CHARACTER + 1; sure > this.#read; sure--) {
      const part = this.#decode(this.#window.slice(0, sure));
      if (text.startsWith(part)) return this.#emit(part, sure);
    }
    return '';
  }

  /** The rest, at the end of the output. */
  flush(): string {
    if (this.#read === this.#window.length) return '';
    return this.#emit(this.#decode(this.#window), this.#window.length);
  }

  #emit(text: string, read: number): string {
    const piece = text.slice(this.#before.length);
    this.#window = this.#window.slice(this.#read);
    this.#read = read - this.#read;
    this.#before = this.#decode(this.#window.slice(0, this.#read));
    return piece;
  }
}
