import { UsageError } from '../core/errors.ts';
import type { Ask, EngineInfo, EngineStats } from './engine-client.ts';
import type { RequestOutput, SampleUpdate } from './outputs.ts';
import { StructureError } from './structured/structure-error.ts';

/**
 * What an engine is told, and what it tells: data only, for it may be in another thread. Whoever asks numbers the
 * question with a key of its own, by which the answers name it.
 */
export type Order =
  | { readonly type: 'add'; readonly key: number; readonly ask: Ask }
  | { readonly type: 'abort'; readonly key: number }
  | { readonly type: 'reset-prefix-cache'; readonly key: number }
  /** Recordings of the last steps are wanted, or not any more. */
  | { readonly type: 'watch'; readonly on: boolean }
  | { readonly type: 'close' };

export type News =
  /** `id`: what updates and outputs of the request bear. */
  | { readonly type: 'added'; readonly key: number; readonly id: number }
  | { readonly type: 'refused'; readonly key: number; readonly error: PlainError }
  | { readonly type: 'update'; readonly key: number; readonly update: SampleUpdate }
  | { readonly type: 'over'; readonly key: number; readonly output: RequestOutput }
  | { readonly type: 'prefix-cache-reset'; readonly key: number };

export type Report =
  | { readonly type: 'loading'; readonly share: number }
  | { readonly type: 'warning'; readonly text: string }
  | { readonly type: 'ready'; readonly info: EngineInfo; readonly stats: EngineStats }
  /** All that one step brought, and what was answered meanwhile. */
  | { readonly type: 'news'; readonly news: readonly News[]; readonly stats: EngineStats | undefined }
  | { readonly type: 'recording'; readonly file: Uint8Array }
  /** It will never serve again. */
  | { readonly type: 'failed'; readonly error: PlainError }
  | { readonly type: 'closed' };

/** An error as it travels: a structured clone would forget its name. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
}

export function plainError(error: unknown): PlainError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), stack: undefined };
  const { name, message, stack } = error;
  return { name, message, stack };
}

const kinds: Readonly<Record<string, new (message: string) => Error>> = { UsageError, StructureError };

/** The error again: a `UsageError`, or a `StructureError`, where it was one. */
export function revivedError({ name, message, stack }: PlainError): Error {
  const Kind = kinds[name] ?? Error;
  const error = new Kind(message);
  error.name = name;
  if (stack !== undefined) error.stack = stack;
  return error;
}
