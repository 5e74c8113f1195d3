import type { Seconds } from '../core/units.ts';
import { clock, type RequestRecord } from './request-record.ts';
import { Semaphore } from './semaphore.ts';
import { sleep } from './sleep.ts';

export interface OpenLoopOptions {
  /** When each request leaves, after the start; ascending. */
  readonly times: readonly Seconds[];
  /** Sends the `index`-th; `arrival` is when it would have left if it had not had to wait for its turn. */
  readonly send: (index: number, arrival: Seconds) => Promise<RequestRecord>;
  /** Called for each before its time, in order: what can be done ahead. */
  readonly prepare?: (index: number) => void;
  /** Requests under way at a time, at most. */
  readonly maxConcurrency?: number | undefined;
  /** Sends no more, and waits for nobody; whoever aborts it also gives up what is under way. */
  readonly signal?: AbortSignal | undefined;
}

export interface OpenLoopRun {
  /** In the order of `times`; of those that had ended by themselves. */
  readonly records: readonly RequestRecord[];
  /** From the start until the last was over. */
  readonly duration: Seconds;
  /** Sent, and given up when the signal came. */
  readonly givenUp: number;
}

/** Sends requests at their times, whether or not others are answered, and counts how they fare. */
export class OpenLoop {
  readonly #options: OpenLoopOptions;
  #startedAt: Seconds | undefined;
  #done = 0;
  #failed = 0;
  #inFlight = 0;

  constructor(options: OpenLoopOptions) {
    this.#options = options;
  }

  /** Answered. */
  get done(): number {
    return this.#done;
  }

  get failed(): number {
    return this.#failed;
  }

  /** At the server. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Since the start; 0 before it. */
  get elapsed(): Seconds {
    return this.#startedAt === undefined ? 0 : clock() - this.#startedAt;
  }

  async run(): Promise<OpenLoopRun> {
    const { times, prepare, maxConcurrency, signal } = this.#options;
    const turns = maxConcurrency === undefined ? undefined : new Semaphore(maxConcurrency);
    const records = new Array<RequestRecord | undefined>(times.length);
    const sent: Promise<void>[] = [];
    const aborted = whenAborted(signal);
    const start = clock();
    this.#startedAt = start;
    for (let index = 0; index < times.length; index++) {
      prepare?.(index);
      const wait = start + times[index]! - clock();
      if (wait > 0) await sleep(wait, signal);
      if (signal?.aborted) break;
      sent.push(this.#one(index, turns, records));
    }
    await Promise.race([Promise.all(sent), aborted]);
    const duration = clock() - start;
    const ended = records.filter(record => record !== undefined);
    return { records: ended, duration, givenUp: this.#inFlight };
  }

  async #one(
    index: number,
    turns: Semaphore | undefined,
    records: (RequestRecord | undefined)[],
  ): Promise<void> {
    const { send, signal } = this.#options;
    const arrival = clock();
    if (turns) await turns.acquire();
    if (signal?.aborted) return;
    this.#inFlight++;
    const record = await send(index, arrival);
    // What fails because it was given up is no failure of the server's.
    if (signal?.aborted) return;
    this.#inFlight--;
    turns?.release();
    records[index] = record;
    if (record.success) this.#done++;
    else this.#failed++;
  }
}

async function whenAborted(signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>(resolve => {
    if (signal?.aborted) resolve();
    else signal?.addEventListener('abort', () => resolve(), { once: true });
  });
}
