import type { Config } from '../../src/sim/config.ts';
import type { Prepared } from './groundwork.ts';

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

/** What a worker is at: the last is to work out what views need. */
export type Doing = 'simulating' | 'unpacking' | 'decoding' | 'preparing';

export type WorkerReply =
  /** `done`: share of all that is to be done. */
  | { readonly type: 'progress'; readonly doing: Doing; readonly done: number }
  | { readonly type: 'done'; readonly prepared: readonly Prepared[] }
  /** `usage`: the settings or the file are at fault, and the message says what to do. */
  | { readonly type: 'failed'; readonly message: string; readonly usage: boolean };
