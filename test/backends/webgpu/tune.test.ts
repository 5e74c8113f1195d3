import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { LinearOp } from '../../../src/backends/webgpu/linear/linear-op.ts';
import type { LinearVariant } from '../../../src/backends/webgpu/linear/linear-variant.ts';
import { LINEAR_VARIANTS } from '../../../src/backends/webgpu/linear/linear-variants.ts';
import {
  candidates,
  measureVariants,
  preferenceOf,
  tune,
  tuningKey,
} from '../../../src/backends/webgpu/tune.ts';
import { tunedPreference } from '../../../src/backends/webgpu/tuning-file.ts';
import { softwareGpu } from './software-gpu.ts';

const gpu = softwareGpu();
const now = () => performance.now() / 1000;

const OP: LinearOp = {
  name: 'down',
  dtype: 'f16',
  inputs: 256,
  outputs: 64,
  epilogue: 'residual',
  bias: false,
  rows: 'tokens',
};

describe('choosing kernels by measurement', () => {
  test('the fastest is first, and one that does its work many times over is last', async () => {
    const plain = LINEAR_VARIANTS.find(({ name }) => name === 'gemv-1')!;
    const slow: LinearVariant = {
      ...plain,
      name: 'slow',
      passes: (op, traits) => Array.from({ length: 40 }, () => plain.passes(op, traits)[0]!),
    };
    const ready = await candidates(await gpu(), OP, 1, [slow, plain]);
    const times = await measureVariants(await gpu(), OP, 1, ready, now);
    expect(times.map(({ variant }) => variant)).toEqual(['gemv-1', 'slow']);
    expect(times[1]!.seconds).toBeGreaterThan(4 * times[0]!.seconds);
  });

  test('variants that the device cannot run, or that its driver refuses, are left out', async () => {
    const plain = LINEAR_VARIANTS.find(({ name }) => name === 'gemv-1')!;
    const broken: LinearVariant = {
      ...plain,
      name: 'broken',
      passes: (op, traits) =>
        plain.passes(op, traits).map(pass => ({ ...pass, shader: { ...pass.shader, code: 'fn main( {' } })),
    };
    const unsupported: LinearVariant = { ...plain, name: 'unsupported', supports: () => false };
    const ready = await candidates(await gpu(), OP, 1, [broken, unsupported, plain]);
    expect(ready.map(({ variant }) => variant.name)).toEqual(['gemv-1']);
    expect(await candidates(await gpu(), OP, 2, [plain])).toEqual([]);
  });

  test('each range of rows that has a choice gets one, up to the rows asked for', async () => {
    const tuning = await tune(await gpu(), [OP], 3, now);
    const chosen = tuning[tuningKey(OP)]!;
    expect(Object.keys(chosen).map(Number)).toEqual([1, 2, 3]);
    const prefer = preferenceOf(tuning);
    for (const rows of [1, 2, 3]) {
      const variant = LINEAR_VARIANTS.find(({ name }) => name === prefer(OP, rows))!;
      expect(variant.minRows <= rows && rows <= variant.maxRows).toBe(true);
    }
    expect(prefer({ ...OP, bias: true }, 1)).toBeUndefined();
    expect(prefer(OP, 4)).toBeUndefined();
  });
});

describe('what was measured is remembered', () => {
  const options = async () => ({ folder: await mkdtemp(join(tmpdir(), 'quire-tuning-')), maxRows: 1, now });

  test('by device and layer, and not measured again', async () => {
    const device = await gpu();
    const { folder, ...rest } = await options();
    const first = await tunedPreference(device, [OP], { folder, ...rest });
    const file = join(folder, 'webgpu-tuning.json');
    const stored = JSON.parse(await readFile(file, 'utf8')) as Record<
      string,
      Record<string, Record<string, string>>
    >;
    expect(Object.keys(stored)).toEqual([expect.stringContaining(device.name)]);
    expect(Object.values(stored)[0]![tuningKey(OP)]).toEqual({ 1: first(OP, 1) });
    // Changed by hand: were it measured again, it would not be answered.
    for (const entry of Object.values(stored)) entry[tuningKey(OP)]!['1'] = 'by hand';
    await writeFile(file, JSON.stringify(stored));
    expect((await tunedPreference(device, [OP], { folder, ...rest }))(OP, 1)).toBe('by hand');
    const other = { ...OP, outputs: 66 };
    const both = await tunedPreference(device, [OP, other], { folder, ...rest });
    expect(both(OP, 1)).toBe('by hand');
    expect(both(other, 1)).not.toBeUndefined();
  });

  test('a file that is damaged is written anew', async () => {
    const { folder, ...rest } = await options();
    await writeFile(join(folder, 'webgpu-tuning.json'), '{ "half');
    const prefer = await tunedPreference(await gpu(), [OP], { folder, ...rest });
    expect(prefer(OP, 1)).toMatch(/gemv|tiled/);
    expect(JSON.parse(await readFile(join(folder, 'webgpu-tuning.json'), 'utf8'))).toBeTypeOf('object');
  });
});
