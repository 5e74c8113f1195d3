import { readlinkSync, realpathSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { UsageError } from '../core/errors.ts';
import { PartialFile } from './partial-file.ts';

/** Longest file name that common file systems take, in bytes. */
const MAX_NAME = 255;

/** A file that a flag names to be written: looked at before anything long runs, written whole or not at all. */
export class OutputFile {
  /** As the user wrote it. */
  readonly path: string;
  readonly #flag: string;
  /** Where a link leads. */
  readonly #target: string;

  /** @throws UsageError when the file could not be written, or is one of `inputs`. */
  constructor(flag: string, path: string, inputs: readonly (string | undefined)[]) {
    this.#flag = flag;
    this.path = path;
    if (path === '') throw new UsageError(`${flag}: expected the name of a file, found ""`);
    const found = look(path);
    this.#target = found ? realpathSync(path) : linkedPath(path);
    if (found?.isDirectory() || /[/\\]$/.test(path)) throw this.#error('is a folder');
    if (found && !found.isFile()) throw this.#error('is no ordinary file');
    if (Buffer.byteLength(basename(path)) > MAX_NAME) throw this.#error('the name is too long');
    if (found && inputs.some(input => input !== undefined && same(found, look(input)))) {
      throw this.#error('is read by this very run, and would be written over');
    }
    this.#checkFolder();
  }

  /** The nearest folder on the way that exists must take new files. */
  #checkFolder(): void {
    let folder = dirname(this.#target);
    while (!look(folder) && folder !== dirname(folder)) folder = dirname(folder);
    if (!look(folder)?.isDirectory()) throw this.#error(`${folder} is not a folder`);
    try {
      // Tried, not asked: the system lets root write everywhere, also where nobody can (/proc).
      new PartialFile(join(folder, basename(this.#target))).discard();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const isForbidden = code === 'EACCES' || code === 'EPERM';
      throw this.#error(
        isForbidden ? `no permission to write in ${folder}` : `no file can be made in ${folder} (${code})`,
      );
    }
  }

  #error(why: string): UsageError {
    return new UsageError(`${this.#flag} ${this.path}: ${why}; choose another place`);
  }

  isSame(other: OutputFile): boolean {
    return this.#target === other.#target;
  }

  /** Writes the whole, or leaves everything as it was. */
  async write(content: string | Uint8Array | Iterable<string>): Promise<void> {
    const writer = this.open();
    try {
      if (typeof content === 'string' || content instanceof Uint8Array) writer.write(content);
      else for (const piece of content) writer.write(piece);
      writer.commit();
    } finally {
      writer.discard();
    }
  }

  /** To be written piece by piece; the file is there, whole, after `commit`. */
  open(): Writer {
    const file = this.#orSay(() => new PartialFile(this.#target));
    return {
      write: piece => this.#orSay(() => file.write(piece)),
      commit: () => this.#orSay(() => file.commit()),
      discard: () => file.discard(),
    };
  }

  #orSay<T>(what: () => T): T {
    try {
      return what();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      throw this.#error(code === 'ENOSPC' ? 'no space is left' : `cannot be written (${code})`);
    }
  }
}

/** A file while it is written. `discard` takes back what was written, unless it was committed. */
export interface Writer {
  write(piece: string | Uint8Array): void;
  commit(): void;
  discard(): void;
}

/** Where a link leads to whose target is yet to be made. */
function linkedPath(path: string): string {
  try {
    return resolve(dirname(path), readlinkSync(path));
  } catch {
    return resolve(path);
  }
}

function look(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function same(a: Stats, b: Stats | undefined): boolean {
  return b !== undefined && a.dev === b.dev && a.ino === b.ino;
}
