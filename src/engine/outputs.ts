import type { FinishReason } from '../core/request.ts';
import type { Seconds, Tokens } from '../core/units.ts';

/** A token and how likely it was, natural logarithms of the model's own probabilities. */
export interface TokenLogprobs {
  readonly tokenId: number;
  readonly logprob: number;
  /** The most likely ones, most likely first, as many as were asked for. */
  readonly top: readonly (readonly [tokenId: number, logprob: number])[];
}

/** One sample of a prompt (vLLM's CompletionOutput). */
export interface CompletionOutput {
  readonly index: number;
  /** Without the end of sequence, the stop token or the stop string; empty where there is no tokenizer. */
  readonly text: string;
  /** With the token that ended it. */
  readonly tokenIds: readonly number[];
  readonly finishReason: FinishReason;
  /** The stop string or the stop token id; undefined at the model's end of sequence and at a limit. */
  readonly stopReason: string | number | undefined;
  readonly cumulativeLogprob?: number;
  readonly logprobs?: readonly TokenLogprobs[];
}

/** Times in seconds on the engine's clock; NaN where it did not come to that. */
export interface RequestMetrics {
  readonly arrival: Seconds;
  /** When the first step with it was planned. */
  readonly firstScheduled: Seconds;
  readonly firstToken: Seconds;
  readonly lastToken: Seconds;
  /** When its result was given out: in a static batch, when all of the batch had ended. */
  readonly finished: Seconds;
  readonly preemptions: number;
  /** Prompt tokens found in the prefix cache, at the last admission. */
  readonly cachedTokens: Tokens;
}

/** What came of a request (vLLM's RequestOutput). */
export interface RequestOutput {
  readonly requestId: number;
  /** Undefined when the prompt was given as token ids. */
  readonly prompt: string | undefined;
  readonly promptTokenIds: readonly number[];
  readonly outputs: readonly CompletionOutput[];
  readonly metrics: RequestMetrics;
}

/** What a step added to a sample. */
export interface SampleUpdate {
  readonly requestId: number;
  readonly index: number;
  /** May lag behind the tokens: a character, or a possible stop string, is not complete. */
  readonly text: string;
  readonly tokenIds: readonly number[];
  readonly logprobs: readonly TokenLogprobs[];
  readonly finishReason: FinishReason | undefined;
  readonly stopReason: string | number | undefined;
}
