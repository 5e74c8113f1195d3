import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { build } from 'vite';
import { onTestFinished } from 'vitest';
import { findBrowser } from '../page/browser.ts';

const root = resolve(import.meta.dirname, '../..');

let made: Promise<string> | undefined;

/** The page, built from the sources as they are now; once a test file. */
export function builtPage(): Promise<string> {
  made ??= buildPage();
  return made;
}

async function buildPage(): Promise<string> {
  const outDir = await mkdtemp(join(root, 'node_modules/.cache/quire-page-'));
  process.once('exit', () => rmSync(outDir, { recursive: true, force: true }));
  const configFile = join(root, 'viz/vite.config.ts');
  await build({ root: join(root, 'viz'), configFile, logLevel: 'error', build: { outDir } });
  return join(outDir, 'index.html');
}

/** A browser that lasts as long as the test. */
export async function browser(): Promise<Browser> {
  const started = await chromium.launch({
    executablePath: findBrowser(),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  onTestFinished(() => started.close());
  return started;
}
