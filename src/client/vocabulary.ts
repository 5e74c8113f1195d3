import type { Tokens } from '../core/units.ts';
import type { HttpClient } from './http-client.ts';
import { ServerError } from './server-error.ts';
import { commonWords } from './words.ts';

/** What prompts are made of. */
export interface Vocabulary {
  readonly words: readonly string[];
  /** The token of each word; absent where the server does not tell, or words have several. */
  readonly ids?: readonly number[];
  /** 1 where the server says so of each word; else what it says of them on average, or is supposed. */
  readonly tokensPerWord: number;
  /** What a text begins with so that its first word is one token as well: a blank, or nothing. */
  readonly lead: string;
  /** Tokens that the server adds to a text (the start of sequence). */
  readonly specialTokens: Tokens;
  /** Whether a server's tokenizer was asked. */
  readonly isExact: boolean;
}

/** Without a tokenizer to ask. */
export const supposedVocabulary: Vocabulary = {
  words: commonWords,
  tokensPerWord: 1,
  lead: '',
  specialTokens: 0,
  isExact: false,
};

/** `/tokenize` of a server, as vLLM has it. */
export class ServerTokenizer {
  readonly #client: HttpClient;
  readonly #model: string;

  constructor(client: HttpClient, model: string) {
    this.#client = client;
    this.#model = model;
  }

  /** @throws ServerError where there is no such thing. */
  async tokenize(prompt: string, addSpecialTokens = false): Promise<readonly number[]> {
    const answer = (await this.#client.postJson('/tokenize', {
      model: this.#model,
      prompt,
      add_special_tokens: addSpecialTokens,
    })) as { tokens?: unknown } | null;
    const tokens = answer?.tokens;
    if (Array.isArray(tokens) && tokens.every(id => Number.isSafeInteger(id) && id >= 0)) return tokens;
    throw new ServerError('/tokenize: expected {"tokens": […]}', 200);
  }

  /** The lengths of texts; so many at once that a server on another continent is no reason to wait. */
  async count(texts: readonly string[]): Promise<readonly Tokens[]> {
    const lengths = new Array<Tokens>(texts.length);
    let next = 0;
    const worker = async () => {
      while (next < texts.length) {
        const i = next++;
        lengths[i] = (await this.tokenize(texts[i]!)).length;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return lengths;
  }
}

/**
 * Words that are one token each, found by asking. Where a vocabulary has too few such (bytes, say), the average
 * number of tokens of a word. @throws ServerError when there is no tokenizer to ask.
 */
export async function findVocabulary(tokenizer: ServerTokenizer): Promise<Vocabulary> {
  const before = await tokenizer.tokenize(ANCHOR);
  const withSpecial = await tokenizer.tokenize(ANCHOR, true);
  // A word at the beginning of a text may be other tokens than after a blank, where nearly all of a prompt's are.
  const tokensOf: TokensOf = async words =>
    (await tokenizer.tokenize([ANCHOR, ...words].join(' '))).slice(before.length);
  const common = { specialTokens: Math.max(0, withSpecial.length - before.length), isExact: true };
  const whole = await tokensOf(commonWords);
  const words = await singles(tokensOf, commonWords, whole.length);
  if (words.length < LEAST_WORDS) {
    return { ...common, words: commonWords, tokensPerWord: whole.length / commonWords.length, lead: '' };
  }
  const ids = await tokensOf(words);
  const blank = await tokenizer.tokenize(` ${words.join(' ')}`);
  const lead = blank.length === words.length ? ' ' : '';
  return { ...common, words, tokensPerWord: 1, lead, ...(ids.length === words.length && { ids }) };
}

type TokensOf = (words: readonly string[]) => Promise<readonly number[]>;

/**
 * Those of one token: no token reaches over a blank, so as many tokens as words mean one each; else by halves, one after
 * the other, until there are enough.
 */
async function singles(
  tokensOf: TokensOf,
  words: readonly string[],
  tokens: Tokens,
): Promise<readonly string[]> {
  if (tokens === words.length) return words;
  // Where most of them are several, the rest is not worth the asking.
  if (words.length === 1 || tokens > 2 * words.length) return [];
  const half = words.length >> 1;
  const first = (await tokensOf(words.slice(0, half))).length;
  const found = await singles(tokensOf, words.slice(0, half), first);
  if (found.length >= ENOUGH_WORDS) return found;
  // What the first half does not have, the second has: only one of the two is asked for.
  return [...found, ...(await singles(tokensOf, words.slice(half), tokens - first))];
}

const ANCHOR = 'the';
/** Prompts of so many words do not begin alike by chance. */
const ENOUGH_WORDS = 100;
/** Those of fewer might. */
const LEAST_WORDS = 32;
const AT_ONCE = 16;
