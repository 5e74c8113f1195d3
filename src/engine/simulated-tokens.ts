import type { Tokenizer } from '../backends/model/tokenizer.ts';
import type { Drawn } from '../backends/model-runner.ts';
import { type NoiseKey, noiseKey } from '../backends/sampling/gumbel.ts';
import { UsageError } from '../core/errors.ts';
import type { Tokens } from '../core/units.ts';
import { createRng } from '../sim/rng.ts';
import { type LengthModel, lengthSampler } from '../sim/workload/lengths.ts';
import type { GenerationRequest } from './generation-request.ts';
import type { Sample } from './sample.ts';
import type { StructureState } from './structured/structure-state.ts';
import { addToken, hasToken, type TokenMask, tokenBy } from './structured/token-mask.ts';

/** Of so many tokens of a structured answer one goes the short way to the end: else no string would be over. */
const HURRIED = 8;

/** What a model might have said: tokens that are words, and answers that end when such a model's would. */
export class SimulatedTokens {
  /** Ids that read as text alone. */
  readonly #words: readonly number[];
  readonly #wordMask: TokenMask;
  readonly #lengths: LengthModel;
  readonly #lengthOf = new WeakMap<Sample, Tokens>();

  /** @throws UsageError for a tokenizer without a token that reads as text. */
  constructor(tokenizer: Tokenizer, lengths: LengthModel) {
    this.#words = wordsOf(tokenizer);
    this.#wordMask = new Uint32Array(Math.ceil(tokenizer.size / 32));
    for (const id of this.#words) addToken(this.#wordMask, id);
    this.#lengths = lengths;
    if (this.#words.length === 0) throw new UsageError('the tokenizer has no token that reads as text');
  }

  /** The next token of a sample: the same for the same seed and place, whatever runs beside it. */
  draw(request: GenerationRequest, sample: Sample): Drawn {
    const { params, endIds } = request;
    const at = sample.tokens.output.length;
    const key = noiseKey(request.seed + sample.index, at);
    const [end] = endIds;
    const late = at + 1 >= this.#length(request, sample);
    let token: number;
    if (sample.structure) token = this.#fitting(request, sample.structure, at, late, key);
    else token = late && end !== undefined ? end : this.#words[key.a % this.#words.length]!;
    if (params.logprobs === undefined) return { token };
    // Each word is as likely as any other: so are those beside the drawn one.
    const logprob = -Math.log(this.#words.length);
    const others = this.#words.slice(0, params.logprobs).map(id => [id, logprob] as const);
    return { token, logprob, top: others };
  }

  /** A token that the structure allows: a word where one fits, and now and then, or `late`, what ends it soon. */
  #fitting(
    { params, endIds, endingIds }: GenerationRequest,
    structure: StructureState,
    at: Tokens,
    late: boolean,
    { a, b }: NoiseKey,
  ): number {
    const { allowed, over } = structure;
    const mayEnd = at >= params.minTokens || over;
    if (late || over || b % HURRIED === 0) {
      const end = mayEnd ? endIds.find(id => hasToken(allowed, id)) : undefined;
      const hurried = end ?? structure.hurried;
      if (hurried !== undefined) return hurried;
    }
    const may = mayEnd ? allowed : without(allowed, endingIds);
    return tokenBy(a, may, this.#wordMask) ?? tokenBy(a, may) ?? tokenBy(a, allowed)!;
  }

  /** Tokens of its answer, with the one that ends it. */
  #length(request: GenerationRequest, sample: Sample): Tokens {
    let length = this.#lengthOf.get(sample);
    if (length === undefined) {
      const random = createRng(request.seed + sample.index, 'output length');
      const drawn = lengthSampler(this.#lengths, random).output(request.promptTokens);
      length = Math.max(drawn, request.params.minTokens + 1);
      this.#lengthOf.set(sample, length);
    }
    return length;
  }
}

function without(mask: TokenMask, ids: readonly number[]): TokenMask {
  const rest = mask.slice();
  for (const id of ids) if (hasToken(rest, id)) rest[id >>> 5]! ^= 1 << (id & 31);
  return rest;
}

function wordsOf(tokenizer: Tokenizer): number[] {
  const words: number[] = [];
  for (let id = 0; id < tokenizer.size; id++) {
    if (tokenizer.specialIds.has(id) || id === tokenizer.eosTokenId) continue;
    const text = tokenizer.decode([id]);
    if (/\p{L}/u.test(text) && !text.includes('\u{fffd}')) words.push(id);
  }
  return words;
}
