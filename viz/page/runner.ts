import { UsageError } from '../../src/core/errors.ts';
import type { Recording } from '../../src/trace/recording.ts';
import type { WorkerReply, WorkerRequest } from './protocol.ts';
import PageWorker from './worker.ts?worker&inline';

export interface RunOutcome {
  progress(done: number): void;
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
        outcome.progress(data.done);
        return;
      }
      this.#busy = false;
      if (data.type === 'done') outcome.done(data.recordings);
      else outcome.failed(data.message, data.usage);
    };
    worker.onerror = event => {
      event.preventDefault();
      this.drop();
      outcome.failed(event.message || 'the worker of the page could not be started', false);
    };
    worker.postMessage(request, request.kind === 'decode' ? [request.bytes.buffer] : []);
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

/** Recordings of a file, decoded beside the page, which goes on meanwhile. @throws UsageError for another file. */
export function decode(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<readonly Recording[]> {
  const runner = new Runner();
  const decoded = new Promise<readonly Recording[]>((resolve, reject) => {
    runner.run(
      { kind: 'decode', bytes, name },
      {
        progress: () => undefined,
        done: resolve,
        failed: (message, usage) => reject(usage ? new UsageError(message) : new Error(message)),
      },
    );
  });
  return decoded.finally(() => runner.close());
}
