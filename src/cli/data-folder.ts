import { type Dirent, readdirSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../core/errors.ts';
import type { DataFolder } from '../validation/study.ts';
import { readBytes } from './files.ts';

/** Said wherever the folder is missing. */
export const expectedData =
  'the folder of recorded measurements: ground_truth.csv (published benchmarks), kernels/ (NVIDIA ' +
  'AIConfigurator), vidur/, vllm-runs/ (LLMServingSim) and traces/. They are not part of Quire: name the folder ' +
  'with --data or QUIRE_DATA';

/** The folder that `--data` names, or the default one; undefined when the default one is absent. */
export function openDataFolder(given: string | undefined): DataFolder | undefined {
  const path = given ?? defaultDataFolder();
  const found = look(path);
  const name = given === undefined ? path : `--data ${path}`;
  if (!found && given === undefined) return undefined;
  if (!found) throw new UsageError(`${name}: no such folder; expected ${expectedData}`);
  if (!found.isDirectory()) throw new UsageError(`${name}: is no folder; expected ${expectedData}`);
  return new NodeFolder(path);
}

export function defaultDataFolder(): string {
  return process.env['QUIRE_DATA'] || '../shared/data';
}

/** More are no folder of measurements but a home or a disk, which nobody meant to have searched. */
const MOST_FILES = 100_000;

class NodeFolder implements DataFolder {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  async list(): Promise<readonly string[]> {
    const files: string[] = [];
    const folders = [''];
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      for (const entry of entriesOf(join(this.name, folder))) {
        const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
        if (entry.isDirectory()) folders.push(path);
        else if (entry.isFile()) files.push(path);
      }
      if (files.length > MOST_FILES) {
        throw new UsageError(
          `${this.name}: holds more than ${MOST_FILES} files; name the folder of the measurements themselves`,
        );
      }
    }
    return files.sort();
  }

  async text(path: string): Promise<string> {
    return new TextDecoder().decode(await this.bytes(path));
  }

  async bytes(path: string): Promise<Uint8Array> {
    const file = join(this.name, path);
    if (!look(file)) {
      throw new UsageError(`${file}: no such file; expected ${expectedData}`);
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of readBytes(file)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }
}

/** What cannot be listed may hold what is asked for: to pass over it would leave that out without a word. */
function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why =
      code === 'EACCES' || code === 'EPERM' ? 'no permission to list it' : `cannot be listed (${message})`;
    throw new UsageError(`${folder}: ${why}; name a folder that can be read whole`);
  }
}

/** Undefined where there is nothing. @throws UsageError when it cannot be looked at. */
export function look(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw new UsageError(`${path}: cannot be read (${(error as Error).message})`);
  }
}
