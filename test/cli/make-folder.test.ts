import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeFolder } from '../../src/cli/make-folder.ts';
import { folder } from '../support/cli.ts';

test('makes what is missing and says from where on', () => {
  const cwd = folder();
  mkdirSync(join(cwd, 'a'));
  expect(makeFolder(join(cwd, 'a', 'b', 'c'))).toBe(join(cwd, 'a', 'b'));
  expect(existsSync(join(cwd, 'a', 'b', 'c'))).toBe(true);
  expect(makeFolder(join(cwd, 'a', 'b', 'c'))).toBeUndefined();
});

test.runIf(existsSync('/proc/self'))('a file system without folders is an error, and no endless loop', () => {
  expect(() => makeFolder('/proc/quire-none/deeper')).toThrow(/ENOENT/);
});
