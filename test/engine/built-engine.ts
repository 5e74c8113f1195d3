import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = resolve(import.meta.dirname, '../..');
/** Started in threads of their own, which read JavaScript only. */
const entrances = ['src/engine/engine-worker.ts', 'test/engine/tiny-serving.ts'];

export interface BuiltEngine {
  /** The thread of a `WorkerEngine`. */
  readonly worker: URL;
  /** The module of `tiny-serving.ts`. */
  readonly tiny: string;
}

/**
 * The thread's code of the sources as they are now, compiled with all that it imports. A build is named after what
 * went into it, so that it is never stale.
 * @throws with what the compiler says when nothing comes of it.
 */
export function builtEngine(): BuiltEngine {
  const sources = ['src', 'test/support', 'test/engine']
    .flatMap(name => readdirSync(join(root, name), { recursive: true, withFileTypes: true }))
    .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
    .map(entry => join(entry.parentPath, entry.name))
    .sort();
  const hash = createHash('sha256');
  for (const file of sources) hash.update(file).update(readFileSync(file));
  const home = join(root, 'node_modules/.cache/quire-engine', hash.digest('hex').slice(0, 24));
  const paths = entrances.map(name => join(home, name.replace(/ts$/, 'js')));
  if (!existsSync(home)) build(home);
  const [worker, tiny] = paths.map(path => pathToFileURL(path));
  return { worker: worker!, tiny: tiny!.href };
}

function build(home: string): void {
  const partial = `${home}.${process.pid}`;
  mkdirSync(partial, { recursive: true });
  const config = join(partial, 'tsconfig.json');
  writeFileSync(
    config,
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      compilerOptions: {
        noEmit: false,
        rootDir: root,
        outDir: partial,
        typeRoots: [join(root, 'node_modules/@types')],
      },
      files: entrances.map(name => join(root, name)),
      include: [],
    }),
  );
  writeFileSync(join(partial, 'package.json'), '{ "type": "module" }');
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const { stdout, status } = spawnSync(process.execPath, [compiler, '-p', config], { encoding: 'utf8' });
  try {
    if (status !== 0) throw new Error(`the engine's thread does not build:\n${stdout}`);
    renameSync(partial, home);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    // Another test file was faster: its build is of the same sources.
    if (!existsSync(home)) throw error;
  }
}
