import { UsageError } from '../../src/core/errors.ts';
import type { Recording } from '../../src/trace/recording.ts';
import { receive } from './groundwork.ts';
import type { Doing, WorkerReply, WorkerRequest } from './protocol.ts';
import PageWorker from './worker.ts?worker&inline';

export interface RunOutcome {
  progress(done: number, doing: Doing): void;
  done(recordings: readonly Recording[]): void;
  failed(message: string, usage: boolean): void;
}

/** Does one thing at a time in a worker of its own. What an older setting still runs is dropped. */
export class Runner {
  #worker: Worker | undefined;
  #busy = false;

  run(request: WorkerRequest, outcome: RunOutcome): void {
    this.drop();
    // A worker that is idle has the simulator loaded already.
    const worker = (this.#worker ??= new PageWorker());
    this.#busy = true;
    worker.onmessage = ({ data }: MessageEvent<WorkerReply>) => {
      if (data.type === 'progress') {
        outcome.progress(data.done, data.doing);
        return;
      }
      this.#busy = false;
      if (data.type === 'done') outcome.done(data.prepared.map(receive));
      else outcome.failed(data.message, data.usage);
    };
    worker.onerror = event => {
      event.preventDefault();
      this.drop();
      outcome.failed(event.message || 'the worker of the page could not be started', false);
    };
    worker.postMessage(request);
  }

  drop(): void {
    if (this.#busy) this.close();
  }

  close(): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#busy = false;
  }
}

/** How the opening of a file is followed, and ended. */
export interface Following {
  /** @param memory bytes that it takes in the end, as far as is known. */
  progress(share: number, doing: Doing, memory?: number): void;
  readonly signal?: AbortSignal;
}

/**
 * Recordings of a file, read and decoded beside the page, which goes on meanwhile.
 * @throws UsageError for another file; the signal's reason when that ended it.
 */
export function decode(file: Blob, name: string, following: Following): Promise<readonly Recording[]> {
  const runner = new Runner();
  const { signal } = following;
  const decoded = new Promise<readonly Recording[]>((resolve, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    runner.run(
      { kind: 'decode', file, name },
      {
        progress: (share, doing) => following.progress(share, doing),
        done: resolve,
        failed: (message, usage) => reject(usage ? new UsageError(message) : new Error(message)),
      },
    );
  });
  return decoded.finally(() => runner.close());
}
