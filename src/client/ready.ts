import type { Seconds } from '../core/units.ts';
import type { HttpClient } from './http-client.ts';
import { clock, type RequestRecord } from './request-record.ts';
import { ServerError } from './server-error.ts';
import { sleep } from './sleep.ts';

export interface ReadyOptions {
  /** How long to try. */
  readonly timeout: Seconds;
  /** The first wait between two tries; it doubles, to 5 s at most. Default 0.25. */
  readonly firstWait?: Seconds;
  readonly signal?: AbortSignal | undefined;
}

/** Waits until the server answers at all; what is wrong with the requests themselves comes to light later. */
export async function waitForServer(client: HttpClient, options: ReadyOptions): Promise<void> {
  await retry(options, async () => {
    try {
      await client.getJson('/v1/models');
      return isUp;
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      // A server that knows what it does not want (a key, this path) is up.
      return error.status !== undefined && error.status < 500 ? isUp : error.message;
    }
  });
}

/** Sends a test request until one is answered. @throws ServerError when none is in time. */
export async function waitForAnswer(
  send: () => Promise<RequestRecord>,
  options: ReadyOptions,
): Promise<RequestRecord> {
  return await retry(options, async () => {
    const record = await send();
    return record.success ? record : record.error;
  });
}

const isUp = {};

/** @param attempt hands back why it failed, as text. */
async function retry<T extends object>(
  { timeout, firstWait = 0.25, signal }: ReadyOptions,
  attempt: () => Promise<T | string>,
): Promise<T> {
  const deadline = clock() + timeout;
  let said = 'no answer in time';
  for (let wait = firstWait; ; wait = Math.min(5, wait * 2)) {
    const result = await before(deadline, attempt);
    if (result !== undefined && typeof result !== 'string') return result;
    said = result ?? said;
    const left = deadline - clock();
    if (left <= 0 || signal?.aborted)
      throw new ServerError(`the server was not ready within ${timeout} s: ${said}`);
    await sleep(Math.min(wait, left), signal);
  }
}

/** What an attempt comes to; undefined when it takes longer than there is time. */
async function before<T>(deadline: Seconds, attempt: () => Promise<T>): Promise<T | undefined> {
  const over = new AbortController();
  const late = sleep(deadline - clock(), over.signal).then(() => undefined);
  try {
    return await Promise.race([attempt(), late]);
  } finally {
    over.abort();
  }
}
