import { closeSync, openSync, readdirSync, renameSync, rmdirSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeFolder } from './make-folder.ts';

let made = 0;

/** SIGKILL leaves what was written; the next run that writes there takes it away. */
function sweep(folder: string): void {
  try {
    for (const name of readdirSync(folder)) {
      const pid = Number(/^\.quire-(\d+)-\d+\.partial$/.exec(name)?.[1] ?? Number.NaN);
      if (pid > 0 && !runs(pid)) rmSync(join(folder, name), { force: true });
    }
  } catch {
    // Not ours to read, or to remove from.
  }
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/**
 * A file while it is being written: beside its place, which it takes at `commit`, whole. However the process
 * ends before that, nothing is left of it. Writes are synchronous, as a simulation waits for nobody.
 */
export class PartialFile {
  readonly #target: string;
  readonly #path: string;
  /** The outermost folder made for it. */
  readonly #folder: string | undefined;
  #file: number | undefined;
  #over = false;
  readonly #discard = () => this.discard();
  // Ends as it would have: exit() would wait for a read that is under way, which may be for ever.
  readonly #stop = (signal: NodeJS.Signals) => {
    this.discard();
    process.kill(process.pid, signal);
  };

  constructor(target: string) {
    const folder = dirname(target);
    this.#target = target;
    this.#path = join(folder, `.quire-${process.pid}-${made++}.partial`);
    this.#folder = makeFolder(folder);
    sweep(folder);
    try {
      this.#file = openSync(this.#path, 'w');
    } catch (error) {
      this.#removeFolders();
      throw error;
    }
    process.once('SIGINT', this.#stop);
    process.once('SIGTERM', this.#stop);
    process.once('exit', this.#discard);
  }

  write(data: string | Uint8Array): void {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    // The system may take less than it is given.
    for (let done = 0; done < bytes.length; ) done += writeSync(this.#file!, bytes, done);
  }

  commit(): void {
    this.#close();
    renameSync(this.#path, this.#target);
    this.#forget();
  }

  /** Takes back all that was written; nothing after `commit`. */
  discard(): void {
    if (this.#over) return;
    this.#forget();
    this.#close();
    rmSync(this.#path, { force: true });
    this.#removeFolders();
  }

  #close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #forget(): void {
    this.#over = true;
    process.removeListener('SIGINT', this.#stop);
    process.removeListener('SIGTERM', this.#stop);
    process.removeListener('exit', this.#discard);
  }

  /** Those that were made and are empty. */
  #removeFolders(): void {
    if (this.#folder === undefined) return;
    try {
      for (let folder = dirname(this.#target); ; folder = dirname(folder)) {
        rmdirSync(folder);
        if (folder === this.#folder) return;
      }
    } catch {
      // Somebody else has put something there.
    }
  }
}
