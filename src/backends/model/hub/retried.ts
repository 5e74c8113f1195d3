import { setTimeout as sleep } from 'node:timers/promises';
import { HubUnreachable } from './hub-error.ts';

const ATTEMPTS = 5;
/** A server may ask for more than anybody wants to wait for. */
const LONGEST_WAIT = 60;

/**
 * Does it again while the hub cannot be reached, at most 5 times in a row.
 * @param delay Seconds before the first repetition, then doubled.
 * @param gained Whether an attempt that failed has brought anything: those are not counted.
 */
export async function retried<T>(
  attempt: () => Promise<T>,
  delay = 0.5,
  gained: () => boolean = () => false,
  signal?: AbortSignal,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof HubUnreachable)) throw error;
      if (gained()) failures = 1;
      if (failures === ATTEMPTS) throw error;
      const seconds = Math.max(delay * 2 ** (failures - 1), error.retryAfter ?? 0);
      await sleep(Math.min(seconds, LONGEST_WAIT) * 1000, undefined, signal && { signal });
    }
  }
}
