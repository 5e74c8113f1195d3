import { afterEach, describe, expect, test, vi } from 'vitest';
import { pickAdapter } from '../../../src/backends/webgpu/adapters.ts';
import { openDawn } from '../../../src/backends/webgpu/dawn.ts';
import { GpuDevice } from '../../../src/backends/webgpu/device.ts';
import { DeviceLost } from '../../../src/backends/webgpu/device-lost.ts';
import { GpuMemory } from '../../../src/backends/webgpu/gpu-memory.ts';
import { planFor, probeAdapters } from '../../../src/backends/webgpu/probe.ts';
import { USAGE } from '../../../src/backends/webgpu/usage.ts';
import { UsageError } from '../../../src/core/errors.ts';
import { MiB } from '../../../src/core/units.ts';
import { openSoftwareGpu } from './software-gpu.ts';

const opened: GpuDevice[] = [];
afterEach(() => {
  for (const gpu of opened.splice(0)) gpu.destroy();
});

async function open(options: Parameters<typeof openSoftwareGpu>[0] = {}): Promise<GpuDevice> {
  const gpu = await openSoftwareGpu(options);
  opened.push(gpu);
  return gpu;
}

describe('opening', () => {
  test('without the package: says how to get it, and what works without', async () => {
    const missing = () => Promise.reject(new Error("Cannot find package 'webgpu'\nfurther lines"));
    // Flags of their own, as instances are remembered.
    const opening = openDawn({ adapter: 'none such' }, missing);
    await expect(opening).rejects.toThrow(UsageError);
    await expect(opening).rejects.toThrow(
      /Cannot find package 'webgpu'\): install it with .* or use the reference backend/,
    );
  });

  test('without an adapter: says what is needed', async () => {
    const none = { requestAdapter: async () => null } as unknown as GPU;
    const options = { adapter: 'a machine without a GPU' };
    await openDawn(options, async () => ({ create: () => none }));
    const picking = pickAdapter(undefined, options);
    await expect(picking).rejects.toThrow(UsageError);
    await expect(picking).rejects.toThrow(/no GPU found: .*VK_ICD_FILENAMES.* or use the reference backend/);
  });

  test('an adapter that there is not: lists those there are', async () => {
    for (const adapter of ['H900', '7', 7]) {
      const opening = GpuDevice.open({ adapter });
      await expect(opening).rejects.toThrow(UsageError);
      await expect(opening).rejects.toThrow(/there is no adapter .*: there are 0: .*SwiftShader/);
    }
  });

  test.each(['swiftshader', 'SwiftShader', '0', 0])('an adapter by %j', async adapter => {
    expect((await open({ adapter })).name).toMatch(/SwiftShader/);
  });

  test.each([false, true])('traits, unsafe and fast: %s', async unsafeFast => {
    const { traits } = await open({ unsafeFast });
    expect(traits).toMatchObject({
      subgroupSize: 4,
      subgroupMatrices: [],
      maxInvocations: 256,
      robust: !unsafeFast,
    });
    expect(traits.maxBinding).toBeGreaterThanOrEqual(1024 * MiB);
  });
});

describe('a lost device', () => {
  test('is an error of its own, from then on', async () => {
    const gpu = await open();
    gpu.check();
    gpu.device.destroy();
    await expect(gpu.lost).rejects.toThrow(DeviceLost);
    expect(() => gpu.check()).toThrow(DeviceLost);
    await expect(gpu.explain(new Error('a wait that failed'))).rejects.toThrow(DeviceLost);
  });

  test('other failures stay what they are', async () => {
    const gpu = await open();
    await expect(gpu.explain(new Error('something else'))).rejects.toThrow('something else');
  });

  test('a command that Dawn refuses is found', async () => {
    const gpu = await open();
    gpu.device.createBuffer({ size: 16, usage: USAGE.mapRead | USAGE.storage });
    await gpu.device.queue.onSubmittedWorkDone();
    await vi.waitFor(() => expect(() => gpu.check()).toThrow(/MapRead/));
  });
});

describe('memory', () => {
  test('what a kernel cannot see is refused with the figures', async () => {
    const memory = new GpuMemory(await open({ backend: 'null' }));
    const huge = memory.allocate('the embedding', 2 ** 40);
    await expect(huge).rejects.toThrow(UsageError);
    await expect(huge).rejects.toThrow(/the embedding needs 1024.00 GiB, .* at most .* of a buffer/);
  });

  test('when it runs out: what was asked, what was taken', async () => {
    // Dawn's null backend has 512 MiB.
    const memory = new GpuMemory(await open({ backend: 'null' }));
    const buffers = [];
    for (let i = 0; i < 5; i++) buffers.push(await memory.allocate(`values of layer ${i}`, 100 * MiB));
    const sixth = memory.allocate('keys of layer 5', 100 * MiB);
    await expect(sixth).rejects.toThrow(UsageError);
    await expect(sixth).rejects.toThrow(
      /out of memory: keys of layer 5 needs 100.0 MiB beside the 500.0 MiB already taken/,
    );
    memory.free(buffers[1]!);
    expect(memory.used).toBe(400 * MiB);
    await memory.allocate('keys of layer 5', 100 * MiB);
    memory.destroy();
    expect(memory.used).toBe(0);
  });
});

describe('the probe', () => {
  test('measures each adapter, and says what would be used and why', async () => {
    await open();
    const clock = () => Number(process.hrtime.bigint()) / 1e9;
    const probes = await probeAdapters(clock);
    expect(probes.length).toBeGreaterThan(0);
    const probe = probes.find(({ name }) => /SwiftShader/.test(name))!;
    expect(probe).toMatchObject({ software: true, subgroupSize: 4, matrices: [] });
    expect(probe.features).toContain('subgroups');
    expect(probe.limits.storageBuffers).toBeGreaterThanOrEqual(10);
    // A copy in software: between a slow machine and any machine's memory.
    expect(probe.copyBandwidth).toBeGreaterThan(1e6);
    expect(probe.copyBandwidth).toBeLessThan(1e12);
    expect(probe.plan.linear[0]).toEqual({ rows: 1, variant: 'gemv-1-subgroups' });
    expect(probe.plan.reasons.join()).toMatch(/subgroups of 4/);
  });

  test('other traits, other reasons', async () => {
    const { traits } = await open({ backend: 'null' });
    const plan = planFor({ ...traits, subgroupSize: undefined, robust: false });
    expect(plan.linear[0]).toEqual({ rows: 1, variant: 'gemv-1' });
    expect(plan.reasons.join()).toMatch(/no subgroups.*bounds checks are off/);
  });
});
