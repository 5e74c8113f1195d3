import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { AttentionShape } from '../../../src/backends/webgpu/attention/attention-shape.ts';
import { candidates } from '../../../src/backends/webgpu/candidates.ts';
import type { LinearOp } from '../../../src/backends/webgpu/linear/linear-op.ts';
import type { LinearVariant } from '../../../src/backends/webgpu/linear/linear-variant.ts';
import { LINEAR_VARIANTS } from '../../../src/backends/webgpu/linear/linear-variants.ts';
import {
  measureVariants,
  preferenceOf,
  refusalText,
  type Tuning,
  tune,
  tuningKey,
} from '../../../src/backends/webgpu/tune.ts';
import { attentionKey } from '../../../src/backends/webgpu/tune-attention.ts';
import { knownTuning, tuningOf } from '../../../src/backends/webgpu/tuning-file.ts';
import { softwareGpu } from './software-gpu.ts';

const gpu = softwareGpu();
const now = () => performance.now() / 1000;
const most = (tokens: number) => ({ tokens, outputs: 1 });

const OP: LinearOp = {
  name: 'down',
  dtype: 'f16',
  inputs: 256,
  outputs: 64,
  epilogue: 'residual',
  bias: false,
  rows: 'tokens',
};

const SHAPE: AttentionShape = { dtype: 'f16', heads: 2, kvHeads: 1, headDim: 16, blockSize: 16 };

describe('choosing kernels by measurement', () => {
  test('the fastest is first, and one that does its work many times over is last', async () => {
    const plain = LINEAR_VARIANTS.find(({ name }) => name === 'gemv-1')!;
    const slow: LinearVariant = {
      ...plain,
      name: 'slow',
      passes: (op, traits) => Array.from({ length: 40 }, () => plain.passes(op, traits)[0]!),
    };
    const { ready } = await candidates(await gpu(), OP, 1, [slow, plain]);
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
    const { ready, refused } = await candidates(await gpu(), OP, 1, [broken, unsupported, plain]);
    expect(ready.map(({ variant }) => variant.name)).toEqual(['gemv-1']);
    expect(refused).toEqual([
      { variant: broken, why: expect.stringMatching(/^does not compile \(kernel "gemv/) },
    ]);
    expect(await candidates(await gpu(), OP, 2, [plain])).toEqual({ ready: [], refused: [] });
  });

  test('each range of rows that has a choice gets one, up to the rows asked for', async () => {
    const tuning = await tune(await gpu(), [OP, { ...OP, rows: 'outputs', outputs: 66 }], most(3), now);
    const chosen = tuning.fastest[tuningKey(OP)]!;
    expect(Object.keys(chosen).map(Number)).toEqual([1, 2, 3]);
    expect(Object.keys(tuning.fastest[tuningKey({ ...OP, outputs: 66 })]!).map(Number)).toEqual([1]);
    expect(tuning.refusals).toEqual([]);
    const prefer = preferenceOf(tuning);
    for (const rows of [1, 2, 3]) {
      const variant = LINEAR_VARIANTS.find(({ name }) => name === prefer(OP, rows))!;
      expect(variant.minRows <= rows && rows <= variant.maxRows).toBe(true);
    }
    expect(prefer({ ...OP, bias: true }, 1)).toBeUndefined();
    expect(prefer(OP, 4)).toBeUndefined();
  });
});

test('a user is told of each variant once', () => {
  const refusal = { layer: 'f16 64x64 residual', rows: 3, why: 'is off' };
  const refusals = ['one', 'two', 'one'].map(variant => ({ ...refusal, variant }));
  expect(refusalText('A card', refusals)).toMatch(/^A card does not .*: one, two \(quire gpus --probe/);
});

describe('what was found out is remembered', () => {
  const options = async () => ({
    folder: await mkdtemp(join(tmpdir(), 'quire-tuning-')),
    most: most(1),
    now,
  });

  test('by device and layer, and not found out again', async () => {
    const device = await gpu();
    const { folder, ...rest } = await options();
    expect(await knownTuning(device, folder)).toEqual({ fastest: {}, refusals: [] });
    const first = await tuningOf(device, [OP], SHAPE, { folder, ...rest });
    expect(await knownTuning(device, folder)).toEqual(first);
    const file = join(folder, 'webgpu-tuning.json');
    const stored = JSON.parse(await readFile(file, 'utf8')) as Record<string, Tuning>;
    expect(stored).toEqual({ [Object.keys(stored)[0]!]: first });
    expect(Object.keys(stored)[0]).toContain(device.name);
    // Changed by hand: were it measured again, it would not be answered.
    const refusal = { variant: 'a kernel', rows: 3, why: 'is off' };
    const byHand: Tuning = {
      fastest: { [tuningKey(OP)]: { 1: 'by hand' }, [attentionKey(SHAPE)]: { 1: 'by hand' } },
      refusals: [
        { ...refusal, layer: tuningKey(OP) },
        { ...refusal, layer: attentionKey(SHAPE) },
        { ...refusal, layer: 'another' },
      ],
    };
    await writeFile(file, JSON.stringify({ [Object.keys(stored)[0]!]: byHand }));
    const again = await tuningOf(device, [OP], SHAPE, { folder, ...rest });
    expect(preferenceOf(again)(OP, 1)).toBe('by hand');
    expect(again.refusals).toEqual(byHand.refusals.slice(0, 2));
    const other = { ...OP, outputs: 66 };
    const both = await tuningOf(device, [OP, other], SHAPE, { folder, ...rest });
    expect(preferenceOf(both)(OP, 1)).toBe('by hand');
    expect(preferenceOf(both)(other, 1)).toMatch(/gemv|tiled/);
    expect((await knownTuning(device, folder)).refusals).toEqual(byHand.refusals);
  });

  test('more rows than were asked for before are found out of', async () => {
    const device = await gpu();
    const { folder, ...rest } = await options();
    await tuningOf(device, [OP], SHAPE, { folder, ...rest });
    const more = await tuningOf(device, [OP], SHAPE, { folder, ...rest, most: most(2) });
    expect(preferenceOf(more)(OP, 2)).toMatch(/gemv|tiled/);
  });

  test.each(['{ "half', '[]', '{ "DEVICE": { "of another version": {} } }'])(
    'a file that is damaged is written anew: %s',
    async contents => {
      const device = await gpu();
      const { folder, ...rest } = await options();
      const file = join(folder, 'webgpu-tuning.json');
      const { refusals } = await tuningOf(device, [OP], SHAPE, { folder, ...rest });
      const [key] = Object.keys(JSON.parse(await readFile(file, 'utf8')));
      await writeFile(file, contents.replace('DEVICE', key!));
      const tuning = await tuningOf(device, [OP], SHAPE, { folder, ...rest });
      expect(preferenceOf(tuning)(OP, 1)).toMatch(/gemv|tiled/);
      expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ [key!]: { refusals } });
    },
  );
});
