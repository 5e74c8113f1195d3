import { UsageError } from '../core/errors.ts';
import type { Seconds } from '../core/units.ts';
import { arrivalTimes, vllmBenchArrivals } from '../sim/workload/arrivals.ts';
import type { SampleRequest } from './sample-request.ts';

export interface SendTimesOptions {
  /** Requests a second; `Infinity`: all at once. */
  readonly rate: number;
  /** 1 is a Poisson process, below 1 burstier, `Infinity` evenly. */
  readonly burstiness: number;
  readonly seed: number;
  /** Whether the requests' own times count instead. */
  readonly selfTimed: boolean;
}

/**
 * When each request leaves, after the start. As `vllm bench serve`: gaps of a gamma distribution, drawn before
 * anything is sent and stretched so that the last one leaves at exactly count / rate.
 *
 * @throws UsageError for an impossible rate or burstiness, and where requests have no times of their own.
 */
export function sendTimes(requests: readonly SampleRequest[], options: SendTimesOptions): Seconds[] {
  const { rate, burstiness, seed, selfTimed } = options;
  if (!selfTimed) return [...arrivalTimes(vllmBenchArrivals(rate, burstiness), requests.length, seed)];
  return requests.map(({ timestamp }) => {
    if (timestamp === undefined) throw new UsageError('the data set has no times; give --request-rate');
    return timestamp;
  });
}
