import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { withPathsFound } from '../../src/cli/config-paths.ts';
import { UsageError } from '../../src/core/errors.ts';
import { folder } from '../support/cli.ts';

test('paths of a config file are found beside it, those of the working directory too; names stay', () => {
  const cwd = folder();
  mkdirSync(join(cwd, 'runs', 'tables'), { recursive: true });
  for (const name of ['p.json', 'model.json']) writeFileSync(join(cwd, 'runs', name), '{}');
  const file = join(cwd, 'runs', 'config.json');
  const config = { profile: 'p.json', kernels: 'tables', model: './model.json', trace: 'package.json' };
  expect(withPathsFound(config, file)).toEqual({
    profile: join(cwd, 'runs', 'p.json'),
    kernels: join(cwd, 'runs', 'tables'),
    model: join(cwd, 'runs', 'model.json'),
    trace: 'package.json',
  });
  const names = { model: 'llama-3.1-8b', gpu: 'h100' };
  expect(withPathsFound(names, file)).toEqual(names);
});

test('what is nowhere is named with its key and the file that asks for it', () => {
  const cwd = folder();
  const attempt = () => withPathsFound({ profile: 'none.json' }, join(cwd, 'config.json'));
  expect(attempt).toThrow(UsageError);
  expect(attempt).toThrow(/config\.json: "profile": none\.json: no such file or folder, neither beside/);
  expect(() => withPathsFound({ trace: '/none/at/all.csv' }, 'c.json')).toThrow(
    /"trace": \/none\/at\/all\.csv/,
  );
});
