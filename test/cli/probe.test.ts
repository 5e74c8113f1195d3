import { expect, test } from 'vitest';
import { folder, quire, refuse, succeed } from '../support/cli.ts';
import { noGpu, softwareGpuEnv } from '../support/gpu-env.ts';

const probe = ['gpus', '--probe'];

test('a GPU: what it has, what was measured, and what is used', async () => {
  const stdout = await succeed(probe, { cwd: folder(), env: softwareGpuEnv() });
  expect(stdout).toMatch(/^0: SwiftShader.* \(software\)$/m);
  expect(stdout).toMatch(/^ {2}features +core-features-and-limits/m);
  expect(stdout).toMatch(/^ {2}bandwidth +[\d.]+ GB\/s of a copy, read plus written, measured$/m);
  expect(stdout).toMatch(/^ {2}linear +gemv\S+ from 1 row, /m);
  expect(stdout).toMatch(/^quire generate and quire serve: using the reference backend, .*\n?.*software/m);
  expect(stdout.split('\n').filter(line => line.length > 100)).toEqual([]);
});

test('--json has the same', async () => {
  const stdout = await succeed([...probe, '--json', '--adapter', 'swift'], {
    cwd: folder(),
    env: softwareGpuEnv(),
  });
  const { adapters, used } = JSON.parse(stdout);
  expect(adapters).toHaveLength(1);
  const [{ limits, copy_bandwidth: bandwidth, ...adapter }] = adapters;
  expect(adapter).toMatchObject({ index: 0, name: expect.stringContaining('SwiftShader'), software: true });
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
  expect(run.code).toBe(0);
  expect(run.stdout).toMatch(/^No GPU that WebGPU can reach\.\nLinux: install .*libvulkan1/);
  expect(run.stdout).toMatch(
    /^quire generate and quire serve: using the reference backend, on the CPU: no GPU found/m,
  );
  const json = await quire([...probe, '--json'], { cwd: folder(), env: noGpu });
  expect(JSON.parse(json.stdout)).toMatchObject({ adapters: [], used: { backend: 'reference' } });
});

test('an adapter that is not there is refused', async () => {
  const said = await refuse([...probe, '--adapter', '7'], { cwd: folder(), env: softwareGpuEnv() });
  expect(said).toMatch(/^--adapter "7" matches none of the adapters \(0: SwiftShader/);
});

test('the catalogue has no adapters', async () => {
  const said = await refuse(['gpus', '--adapter', '0'], { cwd: folder() });
  expect(said).toBe('--adapter needs --probe: the catalogue has no adapters');
});
