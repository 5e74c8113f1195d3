import { accessSync, constants, readlinkSync, realpathSync, rmSync, type Stats, statSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { UsageError } from '../core/errors.ts';

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
      accessSync(folder, constants.W_OK);
    } catch {
      throw this.#error(`no permission to write in ${folder}`);
    }
  }

  #error(why: string): UsageError {
    return new UsageError(`${this.#flag} ${this.path}: ${why}; choose another place`);
  }

  isSame(other: OutputFile): boolean {
    return this.#target === other.#target;
  }

  /** Writes beside and renames, so that the file is either whole or as it was. */
  async write(text: string | Iterable<string>): Promise<void> {
    const partial = join(dirname(this.#target), `.quire-${process.pid}.partial`);
    const interrupted = () => {
      rmSync(partial, { force: true });
      process.exit(130);
    };
    process.once('SIGINT', interrupted);
    try {
      await mkdir(dirname(this.#target), { recursive: true });
      await writeFile(partial, text);
      await rename(partial, this.#target);
    } catch (error) {
      await rm(partial, { force: true }).catch(() => {});
      const { code } = error as NodeJS.ErrnoException;
      throw this.#error(code === 'ENOSPC' ? 'no space is left' : `cannot be written (${code})`);
    } finally {
      process.removeListener('SIGINT', interrupted);
    }
  }
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
