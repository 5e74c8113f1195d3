import { createReadStream } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { UsageError } from '../core/errors.ts';

/** The bytes of a file, unpacked if they are gzip, whatever the file is called; streamed. */
export async function* readBytes(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  const file = createReadStream(path);
  try {
    const head = await new Promise<Buffer | null>((resolve, reject) => {
      file.once('error', reject);
      file.once('readable', () => resolve(file.read(2) ?? file.read()));
      file.once('end', () => resolve(null));
    });
    if (!head) return;
    file.unshift(head);
    const gzip = head[0] === 0x1f && head[1] === 0x8b;
    yield* gzip ? unpack(file, path) : (file as AsyncIterable<Uint8Array>);
  } catch (error) {
    throw readError(path, error);
  } finally {
    file.destroy();
  }
}

async function* unpack(
  file: NodeJS.ReadableStream,
  path: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  // pipeline, not pipe: an error of the file must reach whoever reads the unpacked bytes.
  const unzipped = pipeline(file, createGunzip(), () => {});
  try {
    yield* unzipped as AsyncIterable<Uint8Array>;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'Z_BUF_ERROR')
      throw new UsageError(`${path}: the gzip data end too early; copy or download the file again`);
    if (code?.startsWith('Z_'))
      throw new UsageError(`${path}: the gzip data are damaged (${(error as Error).message})`);
    throw error;
  }
}

export async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw readError(path, error);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${path}: not JSON: ${(error as Error).message}`);
  }
}

function readError(path: string, error: unknown): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return new UsageError(`${path}: no such file`);
    case 'EACCES':
      return new UsageError(`${path}: no permission to read it`);
    case 'EISDIR':
      return new UsageError(`${path}: is a folder, expected a file`);
    default:
      return error;
  }
}

/** Writes beside and renames, so that the file is either whole or as it was. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const partial = `${path}.${process.pid}.partial`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(partial, text);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw new UsageError(
      `${path}: cannot be written (${(error as Error).message}); choose another place with --out`,
    );
  }
}
