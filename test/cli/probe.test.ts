import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TYPICAL } from '../../src/backends/webgpu/linear/linear-op.ts';
import type { Tuning } from '../../src/backends/webgpu/tune.ts';
import { tuningOf } from '../../src/backends/webgpu/tuning-file.ts';
import { openSoftwareGpu } from '../backends/webgpu/software-gpu.ts';
import { folder, quire, refuse, succeed } from '../support/cli.ts';
import { noGpu, softwareGpuEnv } from '../support/gpu-env.ts';

const probe = ['gpus', '--probe'];

test('a GPU: what it has, what was measured, and what is used', async () => {
  const stdout = await succeed(probe, { cwd: folder(), env: { ...softwareGpuEnv(), QUIRE_CACHE: folder() } });
  expect(stdout).toMatch(/^0: SwiftShader.* \(software\)$/m);
  expect(stdout).toMatch(/^ {2}features +core-features-and-limits/m);
  expect(stdout).toMatch(/^ {2}bandwidth +[\d.]+ GB\/s of a copy, read plus written, measured$/m);
  expect(stdout).toMatch(/^ {2}linear +gemv\S+ from 1 row, /m);
  expect(stdout).toMatch(/^quire generate and quire serve: using the reference backend, .*\n?.*software/m);
  expect(stdout).toMatch(/^ {2}tuned +never, as it is software$/m);
  expect(stdout.split('\n').filter(line => line.length > 100)).toEqual([]);
});

test('what was found wrong when a model was loaded', async () => {
  const cache = folder();
  const gpu = await openSoftwareGpu();
  const op = { ...TYPICAL, inputs: 64, outputs: 64 };
  const shape = { dtype: 'f16', heads: 2, kvHeads: 1, headDim: 16, blockSize: 16 } as const;
  await tuningOf(gpu, [op], shape, {
    folder: cache,
    most: { tokens: 1, outputs: 1 },
    now: () => performance.now() / 1000,
  });
  gpu.destroy();
  const run = async (...flags: string[]) =>
    await succeed([...probe, ...flags], { cwd: cache, env: { ...softwareGpuEnv(), QUIRE_CACHE: cache } });
  expect(await run()).toMatch(
    /^ {2}tuned +2 kinds of layers of models .* and all kernels compute them rightly$/m,
  );
  const file = join(cache, 'webgpu-tuning.json');
  const stored = JSON.parse(readFileSync(file, 'utf8')) as Record<string, Tuning>;
  const refusal = { variant: 'gemv-1', layer: 'f16 64x64 residual', rows: 1, why: 'is off by 0.5' };
  const [[device, tuning]] = Object.entries(stored) as [[string, Tuning]];
  writeFileSync(file, JSON.stringify({ [device]: { ...tuning, refusals: [refusal] } }));
  const text = await run();
  expect(text).toMatch(/^ {2}tuned +2 kinds of layers of models that were loaded$/m);
  expect(text).toMatch(/^ {2}left out +gemv-1 is off by 0\.5, of 1 rows of a layer f16 64x64 residual$/m);
  const { adapters } = JSON.parse(await run('--json'));
  expect(adapters[0].tuning).toEqual({ layers: 2, refusals: [refusal] });
});

test('--json has the same', async () => {
  const stdout = await succeed([...probe, '--json', '--adapter', 'swift'], {
    cwd: folder(),
    env: { ...softwareGpuEnv(), QUIRE_CACHE: folder() },
  });
  const { adapters, used } = JSON.parse(stdout);
  expect(adapters).toHaveLength(1);
  const [{ limits, copy_bandwidth: bandwidth, ...adapter }] = adapters;
  expect(adapter).toMatchObject({
    index: 0,
    name: expect.stringContaining('SwiftShader'),
    software: true,
    tuning: null,
  });
  expect(limits.storage_binding).toBeGreaterThan(2 ** 27);
  // Of a processor's memory: neither 0 nor what only a GPU could do.
  expect(bandwidth).toBeGreaterThan(1e7);
  expect(bandwidth).toBeLessThan(1e12);
  expect(adapter.plan.linear[0].rows).toBe(1);
  // It was asked for by its name.
  expect(used).toEqual({ backend: 'webgpu', device: adapter.name, dtype: 'f32', remark: null });
});

test('without a GPU it says what to install, which is no failure', async () => {
  const run = await quire(probe, { cwd: folder(), env: noGpu });
  expect([run.code, run.stderr]).toEqual([0, '']);
  expect(run.stdout).toMatch(/^No GPU that WebGPU can reach\.\nLinux: install .*libvulkan1/);
  expect(run.stdout).toMatch(
    /^quire generate and quire serve: using the reference backend, on the CPU: no GPU found/m,
  );
  const json = await quire([...probe, '--json'], { cwd: folder(), env: noGpu });
  expect(JSON.parse(json.stdout)).toMatchObject({ adapters: [], used: { backend: 'reference' } });
});

test('an adapter that is not there is refused', async () => {
  const said = await refuse([...probe, '--adapter', '7'], { cwd: folder(), env: softwareGpuEnv() });
  expect(said).toMatch(/^there is no adapter "7": there are 0: SwiftShader/);
});

test('the catalogue has no adapters', async () => {
  const said = await refuse(['gpus', '--adapter', '0'], { cwd: folder() });
  expect(said).toBe('--adapter needs --probe: the catalogue has no adapters');
});
