import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { quoted, UsageError } from '../../core/errors.ts';
import type { DescribedWeights } from './expected-tensors.ts';
import { fileError } from './files.ts';
import { headerLength, parseHeader, type TensorInfo } from './safetensors-header.ts';
import type { Tensor } from './weights.ts';

/** A call of the system reads less than 2 GiB; several smaller ones at once keep disk and memory busier. */
const PIECE = 2 ** 23;
const AT_ONCE = 4;

interface Shard {
  readonly path: string;
  readonly file: FileHandle;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
}

/**
 * Opens safetensors files and checks their headers; tensors are read when they are asked for.
 *
 * @param places Which file each tensor is in by `model.safetensors.index.json` (file names without folder), where
 * there is one; tensors that it does not name do not exist.
 * @throws UsageError when a file is missing, cut off, damaged or of another format, or names are not unique.
 */
export async function openSafetensors(
  paths: readonly string[],
  places?: ReadonlyMap<string, string>,
): Promise<Safetensors> {
  const shards: Shard[] = [];
  try {
    for (const path of paths) shards.push(await openShard(path));
    return new Safetensors(shards, places ? placed(shards, places) : byName(shards));
  } catch (error) {
    for (const { file } of shards) await file.close();
    throw error;
  }
}

/**
 * The weights of a model in files. Tensors are read into the same memory, for fresh pages cost more time than the
 * bytes: those of one hold until the next is asked for. Of several asked for at once, each has its own.
 */
export class Safetensors implements DescribedWeights {
  readonly names: readonly string[];
  readonly #shards: readonly Shard[];
  readonly #home: ReadonlyMap<string, Shard>;
  readonly #piece: number;
  #memory = new ArrayBuffer(0);
  #busy = false;

  /** @param piece Bytes to read at once. */
  constructor(shards: readonly Shard[], home: ReadonlyMap<string, Shard>, piece = PIECE) {
    this.#shards = shards;
    this.#home = home;
    this.#piece = piece;
    this.names = [...home.keys()];
  }

  /** The same files, read at most so many bytes at once. */
  inPieces(piece: number): Safetensors {
    return new Safetensors(this.#shards, this.#home, piece);
  }

  has(name: string): boolean {
    return this.#home.has(name);
  }

  info(name: string): TensorInfo | undefined {
    return this.#home.get(name)?.tensors.get(name);
  }

  async read(name: string): Promise<Tensor> {
    const shard = this.#home.get(name);
    if (!shard) {
      const files = this.#shards.map(({ path }) => basename(path)).join(', ');
      throw new UsageError(`There is no tensor ${quoted(name)} in ${files || 'no file'}.`);
    }
    const { dtype, shape, begin, end } = shard.tensors.get(name)!;
    if (dtype !== 'F32' && dtype !== 'F16' && dtype !== 'BF16') {
      throw new UsageError(
        `${shard.path}: the tensor ${name} is of type ${dtype}; supported are F32, F16 and BF16`,
      );
    }
    if (this.#busy) return { dtype, shape, bytes: await this.#fill(memoryOf(end - begin), shard, name) };
    this.#busy = true;
    try {
      if (this.#memory.byteLength < end - begin) this.#memory = memoryOf(end - begin);
      return { dtype, shape, bytes: await this.#fill(this.#memory, shard, name) };
    } finally {
      this.#busy = false;
    }
  }

  async #fill(memory: ArrayBuffer, shard: Shard, name: string): Promise<Uint8Array> {
    const { begin, end } = shard.tensors.get(name)!;
    const bytes = new Uint8Array(memory, 0, end - begin);
    let next = 0;
    const reader = async () => {
      while (next < bytes.length) {
        const from = next;
        next += this.#piece;
        const piece = bytes.subarray(from, next);
        if ((await readAt(shard, piece, begin + from)) === piece.length) continue;
        throw new UsageError(
          `${shard.path}: cut off within the tensor ${name}, since it was opened; fetch it again`,
        );
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, reader));
    return bytes;
  }

  async close(): Promise<void> {
    this.#memory = new ArrayBuffer(0);
    for (const { file } of this.#shards) await file.close();
  }
}

/** Not set to zero first. */
function memoryOf(bytes: number): ArrayBuffer {
  return Buffer.allocUnsafeSlow(bytes).buffer;
}

async function openShard(path: string): Promise<Shard> {
  const file = await open(path).catch(error => {
    throw fileError(path, error);
  });
  try {
    const { size } = await file.stat();
    const start = new Uint8Array(8);
    const length = headerLength(start.subarray(0, await readAt({ path, file }, start, 0)), size, path);
    const header = new Uint8Array(length);
    const read = await readAt({ path, file }, header, 8);
    return { path, file, tensors: parseHeader(header.subarray(0, read), size, path) };
  } catch (error) {
    await file.close();
    throw fileError(path, error);
  }
}

/** Fills the bytes from the file; how many there were before it ended. */
async function readAt(
  { path, file }: Pick<Shard, 'path' | 'file'>,
  bytes: Uint8Array,
  at: number,
): Promise<number> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, at + done).catch(error => {
      throw fileError(path, error);
    });
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}

function byName(shards: readonly Shard[]): ReadonlyMap<string, Shard> {
  const home = new Map<string, Shard>();
  for (const shard of shards) {
    for (const name of shard.tensors.keys()) {
      const other = home.get(name);
      if (other) {
        throw new UsageError(
          `The tensor ${quoted(name)} is in ${other.path} and in ${shard.path}: files of different models in one ` +
            'folder, or model.safetensors.index.json is missing.',
        );
      }
      home.set(name, shard);
    }
  }
  return home;
}

function placed(shards: readonly Shard[], places: ReadonlyMap<string, string>): ReadonlyMap<string, Shard> {
  const byFile = new Map(shards.map(shard => [basename(shard.path), shard]));
  const home = new Map<string, Shard>();
  for (const [name, fileName] of places) {
    const shard = byFile.get(fileName);
    if (!shard?.tensors.has(name)) {
      throw new UsageError(
        `model.safetensors.index.json says that the tensor ${quoted(name)} is in ${fileName}, but it is not there; ` +
          'index and files are of different versions: fetch them again',
      );
    }
    home.set(name, shard);
  }
  return home;
}
