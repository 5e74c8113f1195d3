import { copyFile, link, mkdir, readFile, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileError, readJsonIfThere, sizeOf } from '../files.ts';
import type { HubFile } from './hub-file.ts';

/** Written last: the files of a snapshot, and their sizes. */
const MANIFEST = '.quire-snapshot.json';

/** `QUIRE_CACHE`, else `quire` in the user's cache folder. */
export function defaultCache(env: NodeJS.ProcessEnv = process.env): string {
  return env['QUIRE_CACHE'] || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'quire');
}

/**
 * What has been fetched of one model, laid out as in the cache of Hugging Face: contents by checksum, which
 * revisions share; a folder of each commit; and what commit a revision was when it was last asked.
 */
export class ModelCache {
  readonly folder: string;

  constructor(root: string, model: string) {
    this.folder = join(root, 'models', model.replace('/', '--'));
  }

  snapshot(commit: string): string {
    return join(this.folder, 'snapshots', commit);
  }

  blob({ digest }: HubFile): string {
    return join(this.folder, 'blobs', digest.hex);
  }

  async prepare(commit: string): Promise<void> {
    for (const path of [this.snapshot(commit), join(this.folder, 'blobs'), join(this.folder, 'refs')]) {
      await mkdir(path, { recursive: true }).catch(error => {
        throw fileError(path, error);
      });
    }
  }

  /** The commit that a revision was; undefined when it was never asked for. */
  async ref(revision: string): Promise<string | undefined> {
    return await readFile(this.#ref(revision), 'utf8').catch(() => undefined);
  }

  async setRef(revision: string, commit: string): Promise<void> {
    await writeWhole(this.#ref(revision), commit);
  }

  /** Whether the snapshot has all its files, in full length. */
  async isComplete(commit: string): Promise<boolean> {
    const folder = this.snapshot(commit);
    const manifest = await readJsonIfThere(join(folder, MANIFEST)).catch(() => undefined);
    if (typeof manifest !== 'object' || manifest === null) return false;
    for (const [path, size] of Object.entries(manifest)) {
      if ((await sizeOf(join(folder, path))) !== size) return false;
    }
    return true;
  }

  /** Bytes of a file that are here, whole or in part. */
  async here(file: HubFile): Promise<number> {
    const blob = this.blob(file);
    if ((await sizeOf(blob)) === file.size) return file.size;
    return Math.min((await sizeOf(`${blob}.part`)) ?? 0, file.size);
  }

  /** Gives a fetched file its name in the snapshot. */
  async place(commit: string, file: HubFile): Promise<void> {
    const target = join(this.snapshot(commit), file.path);
    await rm(target, { force: true });
    try {
      await link(this.blob(file), target);
    } catch {
      // Not every file system has links.
      await copyFile(this.blob(file), target).catch(error => {
        throw fileError(target, error);
      });
    }
  }

  async complete(commit: string, files: readonly HubFile[]): Promise<void> {
    const sizes = Object.fromEntries(files.map(({ path, size }) => [path, size]));
    await writeWhole(join(this.snapshot(commit), MANIFEST), JSON.stringify(sizes));
  }

  /** Bytes free on its disk. */
  async free(): Promise<number> {
    const { bavail, bsize } = await statfs(this.folder);
    return bavail * bsize;
  }

  #ref(revision: string): string {
    return join(this.folder, 'refs', encodeURIComponent(revision));
  }
}

async function writeWhole(path: string, text: string): Promise<void> {
  try {
    await writeFile(`${path}.part`, text);
    await rename(`${path}.part`, path);
  } catch (error) {
    throw fileError(path, error);
  }
}
