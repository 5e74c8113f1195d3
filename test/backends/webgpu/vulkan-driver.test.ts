import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { askApart, seesDriver } from '../../../src/backends/webgpu/vulkan-driver.ts';
import { noGpu, softwareGpuEnv } from '../../support/gpu-env.ts';

/** A folder with a driver's manifest in `below`. */
function withManifest(below: string): string {
  const home = mkdtempSync(join(tmpdir(), 'quire-vulkan-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  mkdirSync(join(home, below), { recursive: true });
  writeFileSync(join(home, below, 'some_icd.json'), '{}');
  return home;
}

test.each([
  ['HOME', '.config/vulkan/icd.d'],
  ['HOME', '.local/share/vulkan/icd.d'],
  ['XDG_CONFIG_HOME', 'vulkan/icd.d'],
  ['XDG_CONFIG_DIRS', 'vulkan/icd.d'],
  ['XDG_DATA_HOME', 'vulkan/icd.d'],
  ['XDG_DATA_DIRS', 'vulkan/icd.d'],
])('a driver below %s, in %s', (name, below) => {
  const home = withManifest(below);
  // The machine's own drivers are not seen: only what is named.
  const elsewhere = { VK_DRIVER_FILES: '/nonexistent.json' };
  expect(seesDriver({ [name]: `${home}:/nonexistent`, ...elsewhere })).toBe(false);
  expect(seesDriver({ [name]: name === 'HOME' ? home : `/nonexistent:${home}` })).toBe(true);
});

test('drivers that are named: files and folders, instead of all others or beside them', () => {
  const home = withManifest('own');
  const file = join(home, 'own/some_icd.json');
  expect(seesDriver({ VK_ICD_FILENAMES: `/nonexistent.json:${file}` })).toBe(true);
  expect(seesDriver({ VK_DRIVER_FILES: join(home, 'own') })).toBe(true);
  expect(seesDriver({ VK_DRIVER_FILES: home })).toBe(false);
  expect(seesDriver({ VK_DRIVER_FILES: '/nonexistent.json', VK_ICD_FILENAMES: file })).toBe(false);
  expect(seesDriver({ ...noGpu, VK_ADD_DRIVER_FILES: file })).toBe(true);
});

test('Dawn is asked in a process of its own, and a no is not mistaken', async () => {
  expect(await askApart({ ...process.env, ...noGpu })).toBe(false);
  expect(await askApart({ ...process.env, ...softwareGpuEnv() })).toBe(true);
  // No answer is no no.
  expect(await askApart({ ...process.env, ...noGpu, NODE_OPTIONS: '--import=/nonexistent.mjs' })).toBe(true);
});
