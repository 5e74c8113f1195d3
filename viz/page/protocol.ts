import type { Config } from '../../src/sim/config.ts';
import type { Recording } from '../../src/trace/recording.ts';

/** One policy of a config, run once. */
export interface RunRequest {
  readonly kind: 'run';
  readonly config: Config;
  readonly policy: string;
  /** The trace that the config names; a file of the user's is handed over unread. */
  readonly trace?: Blob;
}

/** A file that should hold recordings. */
export interface DecodeRequest {
  readonly kind: 'decode';
  readonly file: Blob;
  readonly name: string;
}

/** What the page asks a worker. */
export type WorkerRequest = RunRequest | DecodeRequest;

export type WorkerReply =
  | { readonly type: 'progress'; readonly done: number }
  | { readonly type: 'done'; readonly recordings: readonly Recording[] }
  /** `usage`: the settings or the file are at fault, and the message says what to do. */
  | { readonly type: 'failed'; readonly message: string; readonly usage: boolean };

/** The memory behind the columns of recordings: handed over to another thread, not copied. */
export function buffersOf(recordings: readonly Recording[]): ArrayBuffer[] {
  const found = new Set<ArrayBuffer>();
  const visit = (value: unknown) => {
    if (ArrayBuffer.isView(value)) {
      if (value.buffer instanceof ArrayBuffer) found.add(value.buffer);
    } else if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const part of Object.values(value)) visit(part);
    }
  };
  for (const recording of recordings) visit(recording);
  return [...found];
}
