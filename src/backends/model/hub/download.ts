import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { UsageError } from '../../../core/errors.ts';
import { fileError, sizeOf } from '../files.ts';
import { HubError, HubUnreachable, RangeRefused } from './hub-error.ts';
import type { HubFile } from './hub-file.ts';
import { retried } from './retried.ts';

export interface DownloadOptions {
  /** Seconds without a byte after which the connection is given up. Default 60. */
  readonly silence?: number | undefined;
  readonly retryDelay?: number | undefined;
  readonly signal: AbortSignal;
  /** Bytes of this file that are here; less than before when a part had to be thrown away. */
  readonly onBytes?: (bytes: number) => void;
}

/** The bytes of the file from `from` on (206), or all of them (200). */
export type Source = (from: number, signal: AbortSignal) => Promise<Response>;

/**
 * Fetches a file to `target`: into `target.part`, which the next attempt goes on with, this one's or that of
 * another day, and which becomes `target` when size and checksum are right.
 * @throws HubError when the source gives other bytes than it lists, or none. UsageError when the disk is full.
 */
export async function download(
  source: Source,
  file: HubFile,
  target: string,
  options: DownloadOptions,
): Promise<void> {
  const part = `${target}.part`;
  // Once more from the start when the bytes are not right: the part may have been damaged since it was written.
  for (const last of [false, true]) {
    let had = (await sizeOf(part)) ?? 0;
    const count = (bytes: number) => options.onBytes?.(bytes);
    let here = had;
    const hash = await retried(
      () => continued(source, file, part, { ...options, onBytes: bytes => count((here = bytes)) }),
      options.retryDelay,
      () => {
        const gained = here > had;
        had = here;
        return gained;
      },
      options.signal,
    );
    const digest = hash.digest('hex');
    if (digest === file.digest.hex) return await rename(part, target);
    await rm(part, { force: true });
    count(0);
    if (last) {
      throw new HubError(
        `${file.path} does not have the checksum that the hub lists (${file.digest.algorithm} ${digest}, expected ` +
          `${file.digest.hex}): it is changed on its way, by a proxy perhaps; fetch it another way.`,
      );
    }
  }
}

/** What is missing of the file, appended; the hash of all of it. */
async function continued(
  source: Source,
  file: HubFile,
  part: string,
  options: DownloadOptions,
): Promise<Hash> {
  let from = (await sizeOf(part)) ?? 0;
  if (from > file.size) from = 0;
  let hash = await hashOf(part, from, file);
  options.onBytes?.(from);
  const handle = await open(part, from > 0 ? 'r+' : 'w').catch(error => {
    throw fileError(part, error);
  });
  try {
    if (from < file.size) {
      const watch = new Silence(options.signal, options.silence ?? 60);
      try {
        const response = await source(from, watch.signal);
        if (!continues(response, from)) {
          from = 0;
          hash = start(file);
        }
        await handle.truncate(from);
        for await (const piece of response.body ?? []) {
          watch.heard();
          if (from + piece.length > file.size) throw tooLong(file);
          await write(handle, piece, from, part);
          hash.update(piece);
          options.onBytes?.((from += piece.length));
        }
      } catch (error) {
        if (error instanceof RangeRefused) await handle.truncate(0);
        throw watch.judged(error, file, from);
      } finally {
        watch.end();
      }
      if (from < file.size) throw brokenOff(file, from, 'the connection ended');
    }
    // Before the name that says that it is whole.
    await handle.sync();
    return hash;
  } finally {
    await handle.close();
  }
}

/** Gives a connection up when it has said nothing for a while. */
class Silence {
  readonly signal: AbortSignal;
  readonly #seconds: number;
  readonly #given = new AbortController();
  readonly #outer: AbortSignal;
  #timer: NodeJS.Timeout;

  constructor(outer: AbortSignal, seconds: number) {
    this.#outer = outer;
    this.#seconds = seconds;
    this.signal = AbortSignal.any([outer, this.#given.signal]);
    this.#timer = this.#set();
  }

  heard(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#set();
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  /** An error of the connection, in words. */
  judged(error: unknown, file: HubFile, from: number): unknown {
    if (this.#outer.aborted) return error;
    if (error instanceof RangeRefused) return brokenOff(file, from, 'the part here was of another file');
    if (error instanceof UsageError) return error;
    if (this.#given.signal.aborted) return brokenOff(file, from, `nothing came for ${this.#seconds} s`);
    const { message, cause } = error as Error & { cause?: { code?: string; message?: string } };
    return brokenOff(file, from, cause?.code ?? cause?.message ?? message);
  }

  #set(): NodeJS.Timeout {
    return setTimeout(() => this.#given.abort(), this.#seconds * 1000);
  }
}

/** Whether the answer begins at `from`; a server may send everything instead. */
function continues(response: Response, from: number): boolean {
  if (from === 0 || response.status !== 206) return false;
  const range = /^bytes (\d+)-/.exec(response.headers.get('Content-Range') ?? '');
  if (range && Number(range[1]) === from) return true;
  throw new RangeRefused('');
}

async function write(handle: FileHandle, piece: Uint8Array, at: number, part: string): Promise<void> {
  for (let done = 0; done < piece.length; ) {
    const { bytesWritten } = await handle.write(piece, done, piece.length - done, at + done).catch(error => {
      throw fileError(part, error);
    });
    done += bytesWritten;
  }
}

async function hashOf(part: string, bytes: number, file: HubFile): Promise<Hash> {
  const hash = start(file);
  if (bytes > 0) for await (const piece of createReadStream(part, { end: bytes - 1 })) hash.update(piece);
  return hash;
}

/** Git names a blob by the hash of its type and length before its content. */
function start({ digest, size }: HubFile): Hash {
  const hash = createHash(digest.algorithm);
  if (digest.algorithm === 'sha1') hash.update(`blob ${size}\0`);
  return hash;
}

function brokenOff({ path, size }: HubFile, from: number, why: string): HubUnreachable {
  return new HubUnreachable(`${path} broke off after ${from} of ${size} bytes (${why})`);
}

function tooLong({ path, size }: HubFile): HubError {
  return new HubError(
    `${path} is longer than the ${size} bytes that the hub lists: what came is another file, from a proxy perhaps; ` +
      'fetch it another way.',
  );
}
