import { open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileError } from '../files.ts';

/** Seconds without a sign of life after which a holder is taken for dead; one of this machine is at once. */
const DEAD = 30;

export interface LockOptions {
  /** Called once when somebody else has it. */
  readonly onWait?: () => void;
  /** Seconds between two looks. */
  readonly interval?: number;
  /** Seconds; default 30. */
  readonly dead?: number;
}

/** Does something while no other process does it, of those that share the disk. */
export async function withLock<T>(
  path: string,
  action: () => Promise<T>,
  { onWait, interval = 0.5, dead = DEAD }: LockOptions = {},
): Promise<T> {
  for (let waited = false; !(await acquired(path)); waited = true) {
    if (await isLeft(path, dead)) {
      // By a name of its own, so that of several who find it left none removes the lock of another.
      const grave = `${path}.${process.pid}`;
      await rename(path, grave).then(
        () => rm(grave, { force: true }),
        () => {},
      );
      continue;
    }
    if (!waited) onWait?.();
    await sleep(interval * 1000);
  }
  const alive = setInterval(
    () => {
      const now = new Date();
      utimes(path, now, now).catch(() => {});
    },
    (dead / 4) * 1000,
  );
  alive.unref();
  try {
    return await action();
  } finally {
    clearInterval(alive);
    await rm(path, { force: true });
  }
}

async function acquired(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(`${process.pid} ${hostname()}`);
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw fileError(path, error);
  }
}

/** Whether its holder was killed: on this machine the system knows; of another (or after a restart) silence tells. */
async function isLeft(path: string, dead: number): Promise<boolean> {
  try {
    const [pid, host] = (await readFile(path, 'utf8')).split(' ');
    if (host === hostname() && !isRunning(Number(pid))) return true;
    return Date.now() - (await stat(path)).mtimeMs > dead * 1000;
  } catch {
    // Gone in this moment.
    return false;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
