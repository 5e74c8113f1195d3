import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '..');

const files = ['src', 'viz']
  .flatMap(name => readdirSync(join(root, name), { recursive: true, withFileTypes: true }))
  .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
  .map(entry => {
    const path = join(entry.parentPath, entry.name);
    const text = readFileSync(path, 'utf8');
    const imports = [...text.matchAll(/from '([^']+)'|import\('([^']+)'\)/g)].map(
      match => match[1] ?? match[2]!,
    );
    return { path: relative(root, path).replace(/^src./, ''), text, imports };
  });

/** The folder of src that an import leads to, or viz; undefined for a package. */
function layerOf(path: string, from: string): string | undefined {
  if (!from.startsWith('.')) return undefined;
  const home = path.startsWith('viz') ? path : join('src', path);
  return relative(root, resolve(root, dirname(home), from))
    .replace(/^src./, '')
    .split(/[/\\]/)[0];
}

/** What each folder may import from; nothing imports upward. */
const allowed: Record<string, readonly string[]> = {
  core: ['core'],
  sim: ['core', 'sim', 'backends'],
  backends: ['core', 'sim', 'backends'],
  trace: ['core', 'sim', 'trace'],
  validation: ['core', 'sim', 'backends', 'validation'],
  viz: ['core', 'sim', 'trace', 'validation', 'viz'],
  engine: ['core', 'sim', 'backends', 'trace', 'engine'],
  client: ['core', 'sim', 'client'],
  server: ['core', 'sim', 'backends', 'engine', 'server'],
  cli: ['core', 'sim', 'backends', 'client', 'engine', 'server', 'trace', 'validation', 'viz', 'cli'],
};

test('imports go one way', () => {
  for (const { path, imports } of files) {
    const layer = path.split(/[/\\]/)[0]!;
    for (const from of imports) {
      const target = layerOf(path, from);
      if (target !== undefined) expect(allowed[layer], `${path} imports ${from}`).toContain(target);
    }
  }
});

/** Where files, threads, clocks and devices are: real models and what runs them. */
const onNode = /^(cli|client|engine|server|backends.(model|webgpu))\b/;

test('the core depends on nothing; Node APIs, clocks and chance are for the command line and real models', () => {
  for (const { path, text, imports } of files) {
    const packages = imports.filter(from => !from.startsWith('.'));
    if (path.startsWith('core')) expect(packages, path).toEqual([]);
    if (onNode.test(path)) continue;
    expect(
      packages.filter(name => name.startsWith('node:')),
      path,
    ).toEqual([]);
    expect(text, path).not.toMatch(/\bMath\.random\b|\bnew Date\b|\bDate\.|\bperformance\.now\b|\bBuffer\./);
    expect(text, path).not.toMatch(/\bprocess\.(env|argv|std|exit|cwd|hrtime|platform|memoryUsage)/);
  }
});

test('what must give the same bytes everywhere raises to powers of 2 and 10, or to whole ones that are written out', () => {
  // V8 has changed the last digit of other powers from version to version.
  for (const { path, text } of files.filter(({ path: of }) => /^(core|sim|backends.simulated)\b/.test(of))) {
    const code = text.replaceAll(/\/\/.*$/gm, '');
    expect(code, path).not.toMatch(/\bMath\.(pow|cbrt|hypot|log10)\b/);
    expect(code, path).not.toMatch(/(?<!\b2|\b10) \*\* (?!\d)/);
  }
});

test('the native module is imported in one file at most', () => {
  expect(files.filter(({ imports }) => imports.includes('webgpu')).length).toBeLessThanOrEqual(1);
});

test('docs/invariants.md names tests that exist', () => {
  const text = readFileSync(join(root, 'docs/invariants.md'), 'utf8');
  const named = [...text.matchAll(/`((?:[\w-]+\/)*[\w-]+\.test\.ts)`/g)].map(match => match[1]!);
  expect(named.length).toBeGreaterThan(20);
  for (const file of new Set(named)) expect(() => readFileSync(join(root, 'test', file)), file).not.toThrow();
});

test('every policy has its page', async () => {
  const { policies } = await import('../src/core/policies/registry.ts');
  const pages = readdirSync(join(root, 'docs/policies'));
  expect(pages.sort()).toEqual([...policies.map(({ name }) => `${name}.md`), 'README.md'].sort());
});
