import type { SamplingParams } from '../core/sampling-params.ts';
import type { Tokens } from '../core/units.ts';
import type { ModelConfig } from './model/config.ts';

/**
 * One forward pass over rows of several sequences, flattened (a varlen batch). A row is the tokens that one
 * sequence computes in this step: one in decode, a chunk in prefill. T tokens, R rows.
 */
export interface TokenBatch {
  /** Whole blocks to copy before the pass (copy-on-write of forks): from, to, from, to … */
  readonly copies: Int32Array;
  /**
   * [T] Token ids, row after row. −1 − d stands for what draw d of the batch before brings, which nobody has read
   * yet; only where `feeds` said that it may.
   */
  readonly tokens: Int32Array;
  /** [T] Position of each in its sequence. */
  readonly positions: Int32Array;
  /** [T] KV slot that its key and value go to: block · block size + offset. */
  readonly slots: Int32Array;
  /** [R + 1] First token of each row; T at the end. */
  readonly rowStarts: Int32Array;
  /** [R] Positions that have KV once the pass is done: the row's last token attends to all of these. */
  readonly contexts: Int32Array;
  /** [R × tableWidth] Physical block of each logical block; −1 before a sliding window and past the end. */
  readonly tables: Int32Array;
  readonly tableWidth: number;
  /** Tokens to draw. Rows that are prefill chunks before the last have none; forks of a prompt have several. */
  readonly draws: readonly Draw[];
}

/** A token to be drawn from the logits of a row's last token. */
export interface Draw {
  readonly row: number;
  readonly params: SamplingParams;
  /** Of this sample of this request: with `step` all the chance there is, so that the batch does not matter. */
  readonly seed: number;
  /** Which output token of its sequence this is, from 0. */
  readonly step: number;
  /** What penalties look at. */
  readonly prompt: ArrayLike<number>;
  readonly output: ArrayLike<number>;
  /** Token ids that must not be drawn now (end of sequence before `minTokens`). */
  readonly banned: readonly number[];
  /** A bit for each token id that may be drawn, past its end none; absent: all. `banned` comes on top. */
  readonly allowed?: Uint32Array | undefined;
}

export interface Drawn {
  readonly token: number;
  /** Natural log of its probability, and of the most likely ones', before temperature and filters (as vLLM). */
  readonly logprob?: number;
  readonly top?: readonly (readonly [token: number, logprob: number])[];
}

/**
 * A model with its KV cache on some device. The executor gives it batches one after the other; it may be given
 * the next before the last has answered, and answers in order.
 */
export interface ModelRunner {
  readonly config: ModelConfig;
  readonly blockSize: Tokens;
  readonly numBlocks: number;
  /**
   * Whether the token of such a draw can be an input of the next batch before it has been read. Absent: of none;
   * then no batch is run before the last one has answered.
   */
  feeds?(draw: Draw): boolean;
  /** One for each draw. @throws DeviceLost when the device went away: the KV is gone. */
  run(batch: TokenBatch): Promise<readonly Drawn[]>;
  dispose(): void;
}
