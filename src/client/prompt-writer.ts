import { UsageError } from '../core/errors.ts';
import type { TokenSource } from '../core/token-source.ts';
import type { Tokens } from '../core/units.ts';
import { mix32 } from '../sim/rng.ts';
import type { Prompt } from './api.ts';
import type { SampleRequest } from './sample-request.ts';
import type { Vocabulary } from './vocabulary.ts';

export type PromptType = 'text' | 'token-ids';

export interface PromptWriterOptions {
  readonly type: PromptType;
  readonly vocabulary: Vocabulary;
  /** Ids from 0 up to this, where the server does not say which ids it has. */
  readonly vocabSize?: number | undefined;
  /** Other seeds write other prompts: those of an earlier run would be found in the server's prefix cache. */
  readonly seed: number;
}

/** Writes prompts out of numbers that only say which tokens are the same. */
export class PromptWriter {
  readonly type: PromptType;
  readonly #vocabulary: Vocabulary;
  readonly #salt: number;
  readonly #count: number;
  readonly #idOf: (index: number) => number;

  /** @throws UsageError when nobody says which token ids there are. */
  constructor({ type, vocabulary, vocabSize, seed }: PromptWriterOptions) {
    const { ids, words } = vocabulary;
    if (type === 'token-ids' && !ids && vocabSize === undefined) {
      throw new UsageError(
        '--prompt-type token-ids: the server does not tell which ids it knows (/tokenize); give --vocab-size',
      );
    }
    this.type = type;
    this.#vocabulary = vocabulary;
    this.#salt = mix32((seed | 0) ^ mix32(Math.floor(seed / 2 ** 32) ^ 0x51ed270b));
    const isRange = type === 'token-ids' && vocabSize !== undefined;
    this.#count = isRange ? vocabSize : type === 'token-ids' ? ids!.length : words.length;
    this.#idOf = isRange ? index => index : index => ids![index]!;
  }

  write({ content, promptTokens }: SampleRequest): Prompt {
    if (typeof content === 'string') return content;
    return this.type === 'token-ids' ? this.#ids(content, promptTokens) : this.#text(content, promptTokens);
  }

  #ids(content: TokenSource, length: Tokens): number[] {
    const ids = new Array<number>(length);
    for (let i = 0; i < length; i++) ids[i] = this.#idOf(this.#pick(content.at(i)));
    return ids;
  }

  #text(content: TokenSource, length: Tokens): string {
    const { words, tokensPerWord, lead, specialTokens } = this.#vocabulary;
    const count = Math.max(1, Math.round((length - specialTokens) / tokensPerWord));
    const text = new Array<string>(count);
    for (let i = 0; i < count; i++) text[i] = words[this.#pick(content.at(i))]!;
    return lead + text.join(' ');
  }

  #pick(value: number): number {
    return (mix32(value ^ this.#salt) >>> 0) % this.#count;
  }
}
