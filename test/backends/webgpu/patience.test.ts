import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { copyShader } from '../../../src/backends/webgpu/bandwidth.ts';
import type { GpuDevice } from '../../../src/backends/webgpu/device.ts';
import { Kernel } from '../../../src/backends/webgpu/kernel.ts';
import { waitAnew, waitPatiently } from '../../../src/backends/webgpu/patience.ts';
import { ReadbackRing } from '../../../src/backends/webgpu/readback-ring.ts';
import { USAGE } from '../../../src/backends/webgpu/usage.ts';
import { openSoftwareGpu } from './software-gpu.ts';

const node = globalThis.setImmediate;
/** Told of each call of the genuine one. */
let called: (what: unknown) => void = () => undefined;
const genuine = Object.assign(
  (what: () => void, ...rest: []) => {
    called(what);
    return node(what, ...rest);
  },
  { [promisify.custom]: promisify(node) },
) as unknown as typeof node;

beforeEach(() => {
  globalThis.setImmediate = genuine;
});

afterEach(() => {
  vi.restoreAllMocks();
  called = () => undefined;
  globalThis.setImmediate = node;
});

/** What keeps the GPU busy for many turns of the event loop, and resolves once its result was read. */
async function longStep(gpu: GpuDevice): Promise<() => Promise<void>> {
  const { device } = gpu;
  const units = 1 << 14;
  const kernel = await Kernel.compile(gpu, copyShader(units));
  const buffer = () => device.createBuffer({ size: units * 16, usage: USAGE.storage | USAGE.copySrc });
  const buffers = { source: buffer(), copied: buffer() };
  const ring = new ReadbackRing(gpu);
  return async () => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (let i = 0; i < 300; i++) kernel.dispatch(pass, 0, () => buffers, [units / 4 / 256, 1, 1]);
    pass.end();
    const readback = ring.take(16);
    encoder.copyBufferToBuffer(buffers.copied, 0, readback.buffer, 0, 16);
    device.queue.submit([encoder.finish()]);
    await readback.read(bytes => bytes.byteLength);
  };
}

test('a software GPU is never looked for at every turn, and closing it puts back what was there', async () => {
  const gpu = await openSoftwareGpu();
  expect(globalThis.setImmediate).not.toBe(genuine);
  const looks = vi.fn();
  called = looks;
  await (await longStep(gpu))();
  expect(looks).not.toHaveBeenCalled();
  const second = await openSoftwareGpu();
  gpu.destroy();
  gpu.destroy();
  expect(globalThis.setImmediate).not.toBe(genuine);
  second.destroy();
  expect(globalThis.setImmediate).toBe(genuine);
});

test('a wait is brisk at first, patient after a while, and brisk again once something came', async () => {
  const gpu = await openSoftwareGpu();
  const step = await longStep(gpu);
  const end = waitPatiently(0.02);
  let time = 1000;
  vi.spyOn(performance, 'now').mockImplementation(() => time);
  const looks: string[] = [];
  called = () => {
    looks.push('brisk');
    if (looks.length === 2) time += 19;
    if (looks.length === 4) time += 1;
  };
  let answeredAt = 6;
  const { setTimeout: timer } = globalThis;
  vi.spyOn(globalThis, 'setTimeout').mockImplementation(((what: () => void, pause: number) => {
    looks.push(`after ${pause} ms`);
    if (looks.length === answeredAt) waitAnew();
    return timer(what, pause);
  }) as typeof setTimeout);
  await step();
  const [patient, brisk] = ['after 1 ms', 'brisk'];
  expect(looks.slice(0, 7)).toEqual([brisk, brisk, brisk, brisk, patient, patient, brisk]);
  expect(looks.slice(7).filter(look => look === patient)).toEqual([]);
  // A new wait is brisk, too.
  answeredAt = 0;
  time += 100;
  looks.length = 100;
  await step();
  expect(looks.length).toBeGreaterThan(100);
  expect(looks.slice(100)).not.toContain(patient);
  // And so is what is left of two, once the first has come.
  const [first, second] = [step(), step()];
  time += 100;
  looks.length = 0;
  await first;
  expect(new Set(looks)).toEqual(new Set([patient]));
  looks.length = 0;
  await second;
  expect(looks).toContain(brisk);
  end();
  gpu.destroy();
});

test('what others give it is run at once, whatever it is', async () => {
  const end = waitPatiently(0);
  const later = vi.spyOn(globalThis, 'setTimeout');
  expect(await new Promise(resolve => setImmediate(resolve, 'a'))).toBe('a');
  expect(await new Promise(resolve => setImmediate(resolve.bind(undefined, 'b')))).toBe('b');
  expect(
    await new Promise(resolve => {
      setImmediate(() => {
        resolve('c');
      });
    }),
  ).toBe('c');
  expect(await promisify(setImmediate)('d')).toBe('d');
  const never = vi.fn();
  clearImmediate(setImmediate(never));
  await new Promise(resolve => setImmediate(resolve));
  expect(never).not.toHaveBeenCalled();
  expect(later).not.toHaveBeenCalled();
  end();
});

test('what somebody put on top of it stays, and works', async () => {
  const end = waitPatiently(0);
  const below = globalThis.setImmediate;
  const above = ((what: () => void) => below(what)) as typeof node;
  globalThis.setImmediate = above;
  end();
  expect(globalThis.setImmediate).toBe(above);
  await new Promise<void>(resolve => setImmediate(resolve));
  const again = waitPatiently(0);
  await new Promise<void>(resolve => setImmediate(resolve));
  globalThis.setImmediate = below;
  again();
  expect(globalThis.setImmediate).toBe(genuine);
});
