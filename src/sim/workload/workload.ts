import type { TokenSource } from '../../core/token-source.ts';
import type { Seconds, Tokens } from '../../core/units.ts';

/** One request of a workload, as a client would send it, plus what only a simulation can know. */
export interface Arrival {
  /** When the client sends it, in seconds since the start. */
  readonly arrival: Seconds;
  readonly promptTokens: Tokens;
  /**
   * The number of tokens the model would generate before it stops by itself, one entry a sample
   * (length `n`), at least 1 each. Policies never see it, the oracles excepted.
   */
  readonly outputTokens: readonly Tokens[];
  /** The client's `max_tokens`; absent: the workload's rule decides (see `MaxTokensRule`). */
  readonly maxTokens?: Tokens;
  /** Lower is sooner, as in vLLM. Default 0. */
  readonly priority?: number;
  /** Beam search of this width instead of `outputTokens.length` samples. */
  readonly beamWidth?: number;
  /** Content, by position, for prefix caching: prompt, then output. Absent: unknown, never shared. */
  readonly tokens?: TokenSource;
  readonly cacheSalt?: string;
  readonly loraId?: string;
  /** The client hangs up at this time (seconds since the start) if the request is not done. */
  readonly abortAt?: Seconds;
  /** Client or conversation it belongs to, for closed loops: passed back in `onFinished`. */
  readonly session?: number;
}

/** A finished request, as a closed-loop client sees it. */
export interface Completed {
  readonly arrival: Arrival;
  readonly finishedAt: Seconds;
}

/**
 * Where requests come from. Chunks keep a trace of any length in bounded memory: the simulation takes
 * one chunk, runs as far as it can, and asks for the next. Within and across chunks arrivals are in
 * ascending time. A closed loop answers each completion with the session's next request.
 */
export interface Workload {
  readonly name: string;
  /** How many requests there will be, when known (for the progress bar). */
  readonly count?: number;
  /** What a user should know of it, once it was read. */
  readonly notes?: readonly string[];
  chunks(): Iterable<readonly Arrival[]> | AsyncIterable<readonly Arrival[]>;
  /** The next request of that client (its `arrival` ≥ `finishedAt`), or undefined when it has no more. */
  onFinished?(completed: Completed): Arrival | undefined;
}
