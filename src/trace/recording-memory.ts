import { UsageError } from '../core/errors.ts';
import { sizeOf } from './gzip.ts';

/**
 * While a recording is decoded, its columns and the bytes that they come from take this many times those bytes:
 * measured on runs of ShareGPT lengths.
 */
const MEMORY = 4;

/** Bytes of memory that opening a file takes, about; undefined where it does not look like one that can be opened. */
export async function memoryFor(file: Blob): Promise<number | undefined> {
  const size = await sizeOf(file);
  return size === undefined ? undefined : size * MEMORY;
}

/** @throws UsageError in place of what engines throw when there is no memory. */
export async function withinMemory<T>(file: Blob, name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const gigabytes = (((await memoryFor(file)) ?? 0) / 1e9).toFixed(1);
    throw new UsageError(
      `${name}: takes about ${gigabytes} GB of memory, and there is less here; ` +
        'record fewer requests (--num-prompts), or fewer policies at a time',
    );
  }
}
