import type { Seconds, Tokens } from '../core/units.ts';
import type { AbortReason, Outcome } from './outcome.ts';
import type { ServedModel } from './served-model.ts';

export const generatingEndpoints = ['/v1/completions', '/v1/chat/completions'] as const;
export type GeneratingEndpoint = (typeof generatingEndpoints)[number];

/** One request of a client for text, from its arrival to the one way in which it ends. */
export class Call {
  id: string;
  readonly endpoint: GeneratingEndpoint;
  /** On the clock of `performance.now`. */
  readonly arrival: Seconds = now();
  /** Which key it came with. */
  readonly key: number | undefined;
  /** Known once the body is read. */
  model: ServedModel | undefined;
  promptTokens: Tokens = 0;
  outputTokens: Tokens = 0;
  firstToken: Seconds | undefined;
  finishReasons: readonly string[] = [];
  outcome: Outcome | undefined;
  /** The field of the request that it was refused for, if one is at fault. */
  param: string | undefined;
  status = 200;
  #aborted: AbortReason | undefined;
  #abort: ((reason: AbortReason) => void) | undefined;
  readonly #ended: ((call: Call) => void)[] = [];

  constructor(id: string, endpoint: GeneratingEndpoint, key: number | undefined) {
    this.id = id;
    this.endpoint = endpoint;
    this.key = key;
  }

  /** Told when it has ended; last told first. */
  onEnd(told: (call: Call) => void): void {
    this.#ended.unshift(told);
  }

  /** What an abort does from now on; at once, if it came before. */
  onAbort(abort: (reason: AbortReason) => void): void {
    this.#abort = abort;
    if (this.#aborted) abort(this.#aborted);
  }

  /** The first reason counts. */
  abort(reason: AbortReason): void {
    if (this.outcome || this.#aborted) return;
    this.#aborted = reason;
    this.#abort?.(reason);
  }

  get aborted(): AbortReason | undefined {
    return this.#aborted;
  }

  /** Only the first call counts: a request ends once. */
  end(outcome: Outcome, status: number): void {
    if (this.outcome) return;
    this.outcome = outcome;
    this.status = status;
    for (const told of this.#ended) told(this);
  }
}

/** Seconds since the process began. */
export function now(): Seconds {
  return performance.now() / 1000;
}
