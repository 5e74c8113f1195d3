import { invariant } from '../../core/invariant.ts';
import type { Arrival } from './workload.ts';

/**
 * A request of a client that waits for answers. Who and how many-th is all a closed loop needs to know to
 * send the next one: it keeps no state, so one workload serves any number of simulations at a time, and a
 * session's numbers do not depend on when others finish.
 */
export interface SessionArrival extends Arrival {
  readonly session: number;
  /** 0 for the first request of the session. */
  readonly turn: number;
}

/** Back from what the simulation hands to `onFinished`: the arrival it was given, or a copy of it. */
export function sessionArrival(arrival: Arrival): SessionArrival {
  invariant(
    arrival.session !== undefined && 'turn' in arrival,
    () => 'onFinished was given an arrival that is not one of this workload',
  );
  return arrival as SessionArrival;
}
