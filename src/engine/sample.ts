import type { Drawn } from '../backends/model-runner.ts';
import type { FinishReason } from '../core/request.ts';
import type { SamplingParams } from '../core/sampling-params.ts';
import type { CompletionOutput, SampleUpdate, TokenLogprobs } from './outputs.ts';
import { type Detokenizer, SampleText } from './sample-text.ts';
import type { SequenceTokens } from './sequence-tokens.ts';
import type { StructureState } from './structured/structure-state.ts';

/** One sample as it grows: its tokens, its text, and why it ended. */
export class Sample {
  readonly index: number;
  readonly tokens: SequenceTokens;
  /** How far it has come in the structure that it must have; absent: it need not have any. */
  readonly structure: StructureState | undefined;
  finishReason: FinishReason | undefined;
  #stopReason: string | number | undefined;
  readonly #params: SamplingParams;
  readonly #text: SampleText;
  readonly #logprobs: TokenLogprobs[] = [];
  #cumulative = 0;
  /** Tokens that `take` has given out. */
  #taken = 0;

  constructor(
    index: number,
    tokens: SequenceTokens,
    params: SamplingParams,
    detokenizer?: Detokenizer,
    structure?: StructureState,
  ) {
    this.index = index;
    this.tokens = tokens;
    this.structure = structure;
    this.#params = params;
    this.#text = new SampleText(detokenizer, params.stop);
  }

  /**
   * Appends what was drawn; true when it ends the sample: an end of sequence, a stop token, a stop string, or a
   * structure that is over and has no token to say so, or that cannot go on.
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
    const { structure } = this;
    // An output that is over cannot wait for `minTokens`.
    if ((byId || endIds.includes(token)) && (output.length > minTokens || structure?.over)) {
      if (byId) this.#stopReason = token;
      return true;
    }
    this.#stopReason = this.#text.push(token, output.length > minTokens);
    structure?.push(token);
    return this.#stopReason !== undefined || structure?.stuck === true;
  }

  end(reason: FinishReason): void {
    // Whoever reads `stop` counts on the structure.
    this.finishReason = this.structure?.broken === undefined ? reason : 'abort';
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
