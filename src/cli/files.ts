import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
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
    if (code === 'Z_BUF_ERROR') {
      throw new UsageError(`${path}: the gzip data end too early; copy or download the file again`);
    }
    if (code?.startsWith('Z_')) {
      throw new UsageError(`${path}: the gzip data are damaged (${(error as Error).message})`);
    }
    throw error;
  }
}

/** A whole file as it is. */
export async function readFileBytes(path: string): Promise<Uint8Array> {
  return await readFile(path).catch(error => {
    throw readError(path, error);
  });
}

export async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw readError(path, error);
  }
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    // The parser quotes the text it stumbled over, which may be anything.
    throw new UsageError(
      `${path}: not JSON: ${(error as Error).message.replace(/[\s\p{C}]+/gu, ' ').slice(0, 100)}`,
    );
  }
}

/** Whether it is a file that gives its content once: a pipe, say. @throws UsageError when there is no such file. */
export async function isReadOnce(path: string): Promise<boolean> {
  const found = await stat(path).catch(error => {
    throw readError(path, error);
  });
  return !found.isFile() && !found.isDirectory();
}

function readError(path: string, error: unknown): unknown {
  if (error instanceof UsageError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
      return new UsageError(`${path}: no such file`);
    case 'EACCES':
      return new UsageError(`${path}: no permission to read it`);
    case 'EISDIR':
      return new UsageError(`${path}: is a folder, expected a file`);
    case undefined:
      return error;
    default:
      return new UsageError(`${path}: cannot be read (${message})`);
  }
}
