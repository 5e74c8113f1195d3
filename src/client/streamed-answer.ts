import type { Seconds, Tokens } from '../core/units.ts';
import { type Api, parseChunk } from './api.ts';
import { messageOf } from './server-error.ts';
import { SseParser } from './sse-parser.ts';

/** What a whole stream came to. */
export interface AnswerTimes {
  /** From the request to the first chunk with text. */
  readonly ttft: Seconds;
  /** Gaps between the chunks after it. */
  readonly itl: readonly Seconds[];
  /** From the request to the last chunk with a token. */
  readonly latency: Seconds;
}

/** A streamed completion while it comes in: who came when, and what the server counted. */
export class StreamedAnswer {
  readonly #parser: SseParser;
  readonly #api: Api;
  readonly #keepText: boolean;
  readonly #start: Seconds;
  #now: Seconds = 0;
  /** When each chunk with a choice came, and where the first with text is among them. */
  readonly #stamps: Seconds[] = [];
  #firstText = -1;
  #textChunks = 0;
  #lastIsEmpty = false;
  #text = '';
  #finished = false;
  #usedPrompt: Tokens | undefined;
  #usedOutput: Tokens | undefined;
  #error: string | undefined;

  /** @param start when the request was sent, on the clock of `push`. */
  constructor(api: Api, start: Seconds, keepText: boolean) {
    this.#api = api;
    this.#start = start;
    this.#keepText = keepText;
    this.#parser = new SseParser(data => this.#event(data));
  }

  /** @param now when the bytes came: all chunks in them came then, however long it takes to read them. */
  push(piece: Buffer, now: Seconds): void {
    this.#now = now;
    this.#parser.push(piece);
  }

  end(): void {
    this.#parser.end();
    if (this.#error !== undefined) return;
    if (this.#stamps.length === 0)
      this.#error = 'the answer has no chunk with a choice in it; does the server stream?';
    else if (!this.#finished) this.#error = 'the stream ended before the answer was whole';
  }

  /** Why the answer is none; undefined while it may still be one. */
  get error(): string | undefined {
    return this.#error;
  }

  /** Chunks with a choice so far. */
  get chunks(): number {
    return this.#stamps.length;
  }

  get text(): string {
    return this.#text;
  }

  /** As the server counts; undefined when it does not say. */
  get promptTokens(): Tokens | undefined {
    return this.#usedPrompt;
  }

  /** As the server counts, else the chunks with text. */
  get outputTokens(): Tokens {
    return this.#usedOutput || this.#textChunks || this.#stamps.length;
  }

  /** Times of what came so far. */
  times(): AnswerTimes {
    const stamps = this.#stamps;
    if (stamps.length === 0) return { ttft: 0, itl: [], latency: 0 };
    const first = Math.max(0, this.#firstText);
    const last = this.#lastToken(first);
    const itl = new Array<Seconds>(last - first);
    for (let i = first; i < last; i++) itl[i - first] = stamps[i + 1]! - stamps[i]!;
    return { ttft: stamps[first]! - this.#start, itl, latency: stamps[last]! - this.#start };
  }

  /**
   * Where the last chunk with a token is. A last one without text is the end of sequence in vLLM, a token; of other
   * servers it only says why the answer ended: then there are more chunks than tokens.
   */
  #lastToken(first: number): number {
    const last = this.#stamps.length - 1;
    const closes = this.#lastIsEmpty && last > first && this.#stamps.length - first > this.outputTokens;
    return closes ? last - 1 : last;
  }

  #event(data: string): void {
    if (this.#error !== undefined) return;
    if (data === '[DONE]') {
      this.#finished = true;
      return;
    }
    try {
      this.#chunk(data);
    } catch {
      this.#error = `a chunk of the stream is not JSON: ${messageOf(data.slice(0, 100))}`;
    }
  }

  #chunk(data: string): void {
    const { text, finished, usage, error } = parseChunk(data, this.#api);
    if (error !== undefined) {
      this.#error = `error in the stream: ${messageOf(error)}`;
      return;
    }
    if (text !== undefined) {
      this.#stamps.push(this.#now);
      this.#lastIsEmpty = text === '';
      if (text !== '') {
        this.#textChunks++;
        if (this.#firstText < 0) this.#firstText = this.#stamps.length - 1;
        if (this.#keepText) this.#text += text;
      }
    }
    if (finished) this.#finished = true;
    this.#usedPrompt = usage?.promptTokens ?? this.#usedPrompt;
    this.#usedOutput = usage?.completionTokens ?? this.#usedOutput;
  }
}
