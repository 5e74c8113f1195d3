import type { Drawn } from '../backends/model-runner.ts';
import type { FinishReason } from '../core/request.ts';
import type { SamplingParams } from '../core/sampling-params.ts';
import type { CompletionOutput, SampleUpdate, TokenLogprobs } from './outputs.ts';
import { type Detokenizer, SampleText } from './sample-text.ts';
import type { SequenceTokens } from './sequence-tokens.ts';

/** One sample as it grows: its tokens, its text, and why it ended. */
export class Sample {
  readonly index: number;
  readonly tokens: SequenceTokens;
  finishReason: FinishReason | undefined;
  #stopReason: string | number | undefined;
  readonly #params: SamplingParams;
  readonly #text: SampleText;
  readonly #logprobs: TokenLogprobs[] = [];
  #cumulative = 0;
  /** Tokens that `take` has given out. */
  #taken = 0;

  constructor(index: number, tokens: SequenceTokens, params: SamplingParams, detokenizer?: Detokenizer) {
    this.index = index;
    this.tokens = tokens;
    this.#params = params;
    this.#text = new SampleText(detokenizer, params.stop);
  }

  /**
   * Appends what was drawn; true when it ends the sample: an end of sequence, a stop token, or a stop string.
   * @param endIds end-of-sequence ids that count.
   */
  push({ token, logprob, top }: Drawn, endIds: readonly number[]): boolean {
    const { stopTokenIds, minTokens } = this.#params;
    const { output } = this.tokens;
    output.push(token);
    if (logprob !== undefined) {
      this.#cumulative += logprob;
      this.#logprobs.push({ tokenId: token, logprob, top: top ?? [] });
    }
    const byId = stopTokenIds.includes(token);
    if ((byId || endIds.includes(token)) && output.length > minTokens) {
      if (byId) this.#stopReason = token;
      return true;
    }
    this.#stopReason = this.#text.push(token, output.length > minTokens);
    return this.#stopReason !== undefined;
  }

  end(reason: FinishReason): void {
    this.finishReason = reason;
    this.#text.end();
  }

  /** What was added since the last call. */
  take(requestId: number): SampleUpdate {
    const from = this.#taken;
    this.#taken = this.tokens.output.length;
    return {
      requestId,
      index: this.index,
      text: this.#text.take(),
      tokenIds: this.tokens.output.slice(from),
      logprobs: this.#logprobs.slice(from),
      finishReason: this.finishReason,
      stopReason: this.#stopReason,
    };
  }

  completion(): CompletionOutput {
    return {
      index: this.index,
      text: this.#text.text,
      tokenIds: this.tokens.output.slice(),
      finishReason: this.finishReason ?? 'abort',
      stopReason: this.#stopReason,
      ...(this.#params.logprobs !== undefined && {
        cumulativeLogprob: this.#cumulative,
        logprobs: this.#logprobs.slice(),
      }),
    };
  }
}
