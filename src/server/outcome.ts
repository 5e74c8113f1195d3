/**
 * The ways in which a request ends, each exactly one of them: `quire:requests_ended_total` counts by these.
 * - `completed`: the client was given all that it asked for.
 * - `client_disconnected`: it hung up; its request was aborted.
 * - `slow_reader`: it did not take its stream; aborted, and the connection cut.
 * - `aborted_at_shutdown`: it was not done by the deadline of the shutdown; what there was is given with the finish
 *   reason `abort`.
 * - `engine_failed`: the engine died with it, or before it.
 * - `invalid`, `unauthorized`, `not_found`: 4xx, and the request was at fault.
 * - `too_many_requests`: 429, its key has as many open as it may.
 * - `overloaded`, `shutting_down`: 503, not taken in.
 * - `internal_error`: 500, a bug.
 */
export const outcomes = [
  'completed',
  'client_disconnected',
  'slow_reader',
  'aborted_at_shutdown',
  'engine_failed',
  'invalid',
  'unauthorized',
  'not_found',
  'too_many_requests',
  'overloaded',
  'shutting_down',
  'internal_error',
] as const;

export type Outcome = (typeof outcomes)[number];

/** Why a request that runs is ended from this side. */
export type AbortReason = 'client_disconnected' | 'slow_reader' | 'aborted_at_shutdown';
