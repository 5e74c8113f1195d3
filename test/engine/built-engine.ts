import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { builtOnce, runTool } from '../support/built-once.ts';

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
 * The thread's code of the sources as they are now, compiled with all that it imports.
 * @throws with what the compiler says when nothing comes of it.
 */
export function builtEngine(): BuiltEngine {
  const home = builtOnce('quire-engine', ['src', 'test/support', 'test/engine', 'tsconfig.json'], build);
  const [worker, tiny] = entrances.map(name => pathToFileURL(join(home, name.replace(/ts$/, 'js'))));
  return { worker: worker!, tiny: tiny!.href };
}

function build(folder: string): void {
  const config = join(folder, 'tsconfig.json');
  writeFileSync(
    config,
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      compilerOptions: {
        noEmit: false,
        rootDir: root,
        outDir: folder,
        typeRoots: [join(root, 'node_modules/@types')],
      },
      files: entrances.map(name => join(root, name)),
      include: [],
    }),
  );
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  // Types are checked where the commands are built.
  runTool('typescript/bin/tsc', ['-p', config, '--noCheck']);
}
