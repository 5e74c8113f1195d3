import type { Choice, Delta } from '../choice.ts';
import type { Usage } from './usage.ts';

/** How a response of one endpoint is written. */
export interface ResponseShape {
  /** Chunks that come before the first text of a choice. */
  opening(choice: Choice): readonly object[];
  /** One step of a choice, as a chunk of a stream. @param usage told in every chunk, where it was asked for. */
  chunk(choice: Choice, delta: Delta, usage: Usage | undefined): object;
  /** The chunk after the last text. */
  usageChunk(usage: Usage): object;
  /** The response that is not a stream. */
  whole(choices: readonly Choice[], usage: Usage): object;
}

/** What all chunks and responses of a request say. */
export interface ResponseHead {
  readonly id: string;
  /** Unix time in seconds. */
  readonly created: number;
  /** As the client said it. */
  readonly model: string;
}
