import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { openDataFolder } from '../../src/cli/data-folder.ts';
import { UsageError } from '../../src/core/errors.ts';
import { folder } from '../support/cli.ts';

// Whoever runs the tests may be allowed to read everything.
vi.mock('node:fs', async original => {
  const fs = await original<typeof import('node:fs')>();
  const readdirSync = (path: string, options: object) => {
    if (!path.endsWith('locked')) return fs.readdirSync(path, options);
    throw Object.assign(new Error(`EACCES: permission denied, scandir '${path}'`), { code: 'EACCES' });
  };
  return { ...fs, readdirSync };
});

test('lists files of every depth, sorted, with / between', async () => {
  const cwd = folder();
  mkdirSync(join(cwd, 'b', 'c'), { recursive: true });
  for (const name of ['z.csv', 'b/x.csv', 'b/c/y.csv']) writeFileSync(join(cwd, name), '');
  expect(await openDataFolder(cwd)!.list()).toEqual(['b/c/y.csv', 'b/x.csv', 'z.csv']);
});

test('a sub-folder that may not be listed is named', async () => {
  const cwd = folder();
  mkdirSync(join(cwd, 'b', 'locked'), { recursive: true });
  const listed = openDataFolder(cwd)!.list();
  await expect(listed).rejects.toThrow(UsageError);
  await expect(listed).rejects.toThrow(/b\/locked: no permission to list it; name a folder/);
});
