import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { expect, test } from 'vitest';
import { findBrowser } from '../support/browser.ts';

const folderWith = (...programs: string[]) => {
  const folder = mkdtempSync(join(tmpdir(), 'quire-browsers-'));
  for (const program of programs) {
    writeFileSync(join(folder, program), '');
    chmodSync(join(folder, program), 0o755);
  }
  return folder;
};

test('a browser is found in PATH under any of its names, Chromium first', () => {
  const [chrome, both] = [folderWith('google-chrome'), folderWith('chromium-browser', 'google-chrome')];
  expect(findBrowser({ PATH: chrome })).toBe(join(chrome, 'google-chrome'));
  expect(findBrowser({ PATH: [chrome, both].join(delimiter) })).toBe(join(both, 'chromium-browser'));
  expect(findBrowser({ PATH: both, CHROMIUM: join(chrome, 'google-chrome') })).toBe(
    join(chrome, 'google-chrome'),
  );
});

test('without a browser the tests fail, and say what to do', () => {
  expect(() => findBrowser({ PATH: folderWith() })).toThrow(
    /no chromium, chromium-browser, google-chrome in PATH.*apt-get install chromium/,
  );
  expect(() => findBrowser({ CHROMIUM: '/nowhere/chromium' })).toThrow(/CHROMIUM=.nowhere.chromium/);
});
