import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';
import { afterAll, beforeAll } from 'vitest';

const names = ['chromium', 'chromium-browser', 'google-chrome'];

/** The browser that CHROMIUM names, or the first of those in PATH. @throws when there is none: pages are never left untested. */
export function findBrowser(env: NodeJS.ProcessEnv = process.env): string {
  const named = env['CHROMIUM'];
  if (named) {
    if (isProgram(named)) return named;
    throw new Error(`CHROMIUM=${named}: no program there; name the browser, or leave it to PATH`);
  }
  const folders = (env['PATH'] ?? '').split(delimiter).filter(folder => folder !== '');
  const found = names.flatMap(name => folders.map(folder => join(folder, name))).find(isProgram);
  if (found) return found;
  throw new Error(
    `no ${names.join(', ')} in PATH, and the page is tested in a browser: ` +
      'install one (apt-get install chromium), or name it in CHROMIUM',
  );
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const args = [
  '--no-sandbox',
  '--disable-gpu',
  // None is started to be ready for a page that may never be opened.
  '--renderer-process-limit=1',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/**
 * A browser for all tests of a file. Its window stays open, so that pages open as tabs of it: what a browser loads
 * for each window takes as long as the page. Pages share its storage, too.
 */
export function sharedBrowser(): () => BrowserContext {
  let context: BrowserContext | undefined;
  beforeAll(async () => {
    const browser = await chromium.launch({ executablePath: findBrowser(), args });
    context = await browser.newContext();
    await context.newPage();
  });
  afterAll(() => context?.browser()?.close());
  return () => context!;
}
