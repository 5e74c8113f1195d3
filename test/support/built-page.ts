import { join } from 'node:path';
import { builtOnce, runTool } from './built-once.ts';

/**
 * The page, built from the sources as they are now.
 * @returns its one file.
 */
export function builtPage(): string {
  const inputs = ['src', 'viz', 'package-lock.json', 'tsconfig.json'];
  const home = builtOnce('quire-page', inputs, folder =>
    runTool('vite/bin/vite.js', ['build', 'viz', '--logLevel', 'error', '--outDir', folder]),
  );
  return join(home, 'index.html');
}
