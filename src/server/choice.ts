import type { Tokenizer } from '../backends/model/tokenizer.ts';
import type { FinishReason } from '../core/request.ts';
import type { SamplingParams } from '../core/sampling-params.ts';
import type { CompletionOutput, SampleUpdate, TokenLogprobs } from '../engine/outputs.ts';
import { SampleText } from '../engine/sample-text.ts';

/** How the text of a choice is to read. */
export interface TextOptions {
  readonly skipSpecialTokens: boolean;
  readonly includeStopStrInOutput: boolean;
}

/** What a step added to a choice. */
export interface Delta {
  readonly text: string;
  readonly tokenIds: readonly number[];
  readonly logprobs: readonly TokenLogprobs[];
  /** Set on the last one. */
  readonly finishReason: FinishReason | undefined;
  readonly stopReason: string | number | undefined;
}

/**
 * One of the choices of a response as it grows. The engine's text has no special tokens and ends before the stop
 * string; a client that wants it otherwise gets a text that is made here, from the tokens.
 */
export class Choice {
  /** Of the response: samples of the first prompt, then of the second. */
  readonly index: number;
  /** Which prompt it continues. */
  readonly prompt: number;
  text = '';
  readonly tokenIds: number[] = [];
  readonly logprobs: TokenLogprobs[] = [];
  finishReason: FinishReason | undefined;
  stopReason: string | number | undefined;
  /** Characters of the tokens that have been described so far: `text_offset` of log probabilities. */
  described = 0;
  readonly #params: SamplingParams;
  readonly #options: TextOptions;
  readonly #own: SampleText | undefined;

  constructor(
    place: { readonly index: number; readonly prompt: number },
    promptTokenIds: readonly number[],
    params: SamplingParams,
    tokenizer: Tokenizer,
    options: TextOptions,
  ) {
    this.index = place.index;
    this.prompt = place.prompt;
    this.#params = params;
    this.#options = options;
    const { skipSpecialTokens } = options;
    if (skipSpecialTokens && !options.includeStopStrInOutput) return;
    this.#own = new SampleText(tokenizer.detokenizer(promptTokenIds, { skipSpecialTokens }), params.stop);
  }

  /** What of an update is the client's; undefined when the choice is over already. */
  take(update: SampleUpdate): Delta | undefined {
    if (this.finishReason) return undefined;
    return this.#own ? this.#takeOwn(this.#own, update) : this.#add(update);
  }

  /** The request is over: what an abort left, or undefined when the choice had ended by itself. */
  close(output: CompletionOutput): Delta | undefined {
    if (this.finishReason) return undefined;
    const { finishReason, stopReason } = output;
    const from = this.tokenIds.length;
    return this.take({
      requestId: 0,
      index: output.index,
      text: output.text.slice(this.text.length),
      tokenIds: output.tokenIds.slice(from),
      logprobs: output.logprobs?.slice(from) ?? [],
      finishReason,
      stopReason,
    });
  }

  #add({ text, tokenIds, logprobs, finishReason, stopReason }: Delta): Delta {
    this.text += text;
    for (const id of tokenIds) this.tokenIds.push(id);
    for (const one of logprobs) this.logprobs.push(one);
    this.finishReason = finishReason;
    this.stopReason = stopReason;
    return { text, tokenIds, logprobs, finishReason, stopReason };
  }

  #takeOwn(own: SampleText, update: SampleUpdate): Delta {
    const { minTokens } = this.#params;
    const { includeStopStrInOutput: include } = this.#options;
    let { finishReason, stopReason } = update;
    let taken = 0;
    for (const [i, id] of update.tokenIds.entries()) {
      taken++;
      const ends = finishReason === 'stop' && i === update.tokenIds.length - 1;
      // The token that ended it: an end of sequence, or one of `stop_token_ids`.
      if (ends && typeof stopReason !== 'string') {
        if (include) own.push(id, false);
        continue;
      }
      // A stop string may lie in special tokens, where the engine does not see it.
      const stopped = own.push(id, this.tokenIds.length + taken > minTokens);
      if (stopped === undefined) continue;
      finishReason = 'stop';
      stopReason = stopped;
      break;
    }
    if (finishReason) own.end();
    const stop = include && typeof stopReason === 'string' ? stopReason : '';
    return this.#add({
      text: own.take() + stop,
      tokenIds: update.tokenIds.slice(0, taken),
      logprobs: update.logprobs.slice(0, taken),
      finishReason,
      stopReason,
    });
  }
}
