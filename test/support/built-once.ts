import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');

/**
 * A folder of what comes of the sources as they are now. It is named after what goes into it, so that it is never
 * stale, and test files share it, one after the other and at the same time.
 * @param inputs files and folders that go into it, from the root of the repository.
 * @param make fills the folder that it is given.
 * @throws what `make` throws.
 */
export function builtOnce(name: string, inputs: readonly string[], make: (folder: string) => void): string {
  const files = inputs.flatMap(input => filesOf(join(root, input))).sort();
  const home = join(
    root,
    'node_modules/.cache',
    name,
    digest(...files.flatMap(file => [file, readFileSync(file)])),
  );
  if (existsSync(home)) return home;
  const partial = `${home}.${process.pid}`;
  mkdirSync(partial, { recursive: true });
  try {
    make(partial);
    renameSync(partial, home);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    // Another test file was faster: its build is of the same sources.
    if (!existsSync(home)) throw error;
  }
  return home;
}

/**
 * Runs a program of node_modules at the root of the repository.
 * @throws with what it said when it fails.
 */
export function runTool(program: string, args: readonly string[]): void {
  // Of the test runner's environment: what is built there is not what users get.
  const { NODE_ENV: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'node_modules', program), ...args],
    { cwd: root, env, encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`the sources do not build:\n${stdout}${stderr}`);
}

export function digest(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex').slice(0, 24);
}

function filesOf(path: string): string[] {
  if (statSync(path).isFile()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name));
}
