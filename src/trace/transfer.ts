import type { Recording } from './recording.ts';

/** The buffers of a recording, to hand it to another thread without a copy (`postMessage`). */
export function buffersOf({ steps, work, blocks, tables }: Recording): ArrayBuffer[] {
  return [steps, steps.usage, work, blocks, tables]
    .flatMap(columns => Object.values(columns))
    .filter(column => ArrayBuffer.isView(column))
    .map(column => column.buffer as ArrayBuffer);
}
