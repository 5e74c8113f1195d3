import type { TokenSource } from '../core/token-source.ts';
import type { Seconds, Tokens } from '../core/units.ts';

/** One request of a data set, before it is known how the server wants prompts. */
export interface SampleRequest {
  /** Length that is meant; how long it came out, the server tells. */
  readonly promptTokens: Tokens;
  /** `max_tokens`. */
  readonly outputTokens: Tokens;
  /** A text as it is, or content by position: the same numbers are the same tokens. */
  readonly content: string | TokenSource;
  /** When it is sent, after the start; absent where the data set has no times. */
  readonly timestamp?: Seconds;
  /** Fields of the body of this request alone. */
  readonly overrides?: Readonly<Record<string, unknown>>;
}

/** A data set, sampled. */
export interface Samples {
  readonly requests: readonly SampleRequest[];
  /** What a user should know of it. */
  readonly notes: readonly string[];
}
