import type { Tokenizer } from '../backends/model/tokenizer.ts';
import type { Drawn } from '../backends/model-runner.ts';
import { noiseKey } from '../backends/sampling/gumbel.ts';
import { UsageError } from '../core/errors.ts';
import type { Tokens } from '../core/units.ts';
import { createRng } from '../sim/rng.ts';
import { type LengthModel, lengthSampler } from '../sim/workload/lengths.ts';
import type { GenerationRequest } from './generation-request.ts';
import type { Sample } from './sample.ts';

/** What a model might have said: tokens that are words, and answers that end when such a model's would. */
export class SimulatedTokens {
  /** Ids that read as text alone. */
  readonly #words: readonly number[];
  readonly #lengths: LengthModel;
  readonly #lengthOf = new WeakMap<Sample, Tokens>();

  /** @throws UsageError for a tokenizer without a token that reads as text. */
  constructor(tokenizer: Tokenizer, lengths: LengthModel) {
    this.#words = wordsOf(tokenizer);
    this.#lengths = lengths;
    if (this.#words.length === 0) throw new UsageError('the tokenizer has no token that reads as text');
  }

  /** The next token of a sample: the same for the same seed and place, whatever runs beside it. */
  draw(request: GenerationRequest, sample: Sample): Drawn {
    const { params, endIds } = request;
    const at = sample.tokens.output.length;
    const [end] = endIds;
    const ends = end !== undefined && at + 1 >= this.#length(request, sample);
    const token = ends ? end : this.#word(request.seed + sample.index, at);
    if (params.logprobs === undefined) return { token };
    // Each word is as likely as any other: so are those beside the drawn one.
    const logprob = -Math.log(this.#words.length);
    const others = this.#words.slice(0, params.logprobs).map(id => [id, logprob] as const);
    return { token, logprob, top: others };
  }

  #word(seed: number, at: number): number {
    return this.#words[noiseKey(seed, at).a % this.#words.length]!;
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

function wordsOf(tokenizer: Tokenizer): number[] {
  const words: number[] = [];
  for (let id = 0; id < tokenizer.size; id++) {
    if (tokenizer.specialIds.has(id) || id === tokenizer.eosTokenId) continue;
    const text = tokenizer.decode([id]);
    if (/\p{L}/u.test(text) && !text.includes('\u{fffd}')) words.push(id);
  }
  return words;
}
