import { readFile, stat } from 'node:fs/promises';
import { quoted, UsageError } from '../../core/errors.ts';

/** @throws UsageError that names the file, when it is missing, unreadable or not JSON. */
export async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch(error => {
    throw fileError(path, error);
  });
  return parseJson(text, path);
}

/** @param place For messages: the file. */
export function parseJson(text: string, place: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    // The parser quotes the text it stumbled over, which may be anything.
    throw new UsageError(`${place}: not JSON: ${quoted((error as Error).message).slice(1, -1)}`);
  }
}

/** Undefined when there is no such file. */
export async function readJsonIfThere(path: string): Promise<unknown> {
  return (await sizeOf(path)) === undefined ? undefined : await readJson(path);
}

/** Bytes of a file; undefined when there is none (a folder is none either). */
export async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const found = await stat(path);
    return found.isFile() ? found.size : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw fileError(path, error);
  }
}

export function fileError(path: string, error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case undefined:
      return error;
    case 'ENOENT':
      return new UsageError(`${path}: no such file`);
    case 'EACCES':
    case 'EPERM':
      return new UsageError(`${path}: no permission`);
    case 'EISDIR':
      return new UsageError(`${path}: is a folder, expected a file`);
    case 'ENOSPC':
    case 'EDQUOT':
      return new UsageError(
        `${path}: the disk is full; free some, or name another folder with QUIRE_CACHE (what is there is kept)`,
      );
    case 'EROFS':
      return new UsageError(`${path}: the disk is read-only; name another folder with QUIRE_CACHE`);
    default:
      return new UsageError(`${path}: ${message}`);
  }
}
