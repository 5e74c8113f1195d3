import { type Bytes, MiB, type Seconds } from '../../core/units.ts';
import type { GpuDevice } from './device.ts';
import { GpuMemory } from './gpu-memory.ts';
import { Kernel } from './kernel.ts';
import { type Shader, shader } from './kernels/shader.ts';
import { MAP_READ, USAGE } from './usage.ts';

const THREADS = 256;
/** 16-byte loads that an invocation has in flight. */
const UNROLL = 4;
const REPETITIONS = 7;

/** Copies 16 bytes at a time; consecutive invocations have consecutive units. */
export function copyShader(units: number): Shader {
  const stride = units / UNROLL;
  return shader({
    name: `copy ${units} units`,
    bindings: [
      { name: 'source', access: 'read', type: 'array<vec4<u32>>' },
      { name: 'copied', access: 'read_write', type: 'array<vec4<u32>>' },
    ],
    workgroupSize: THREADS,
    builtins: ['@builtin(num_workgroups) groups: vec3<u32>'],
    body: `
  let i = (group.y * groups.x + group.x) * ${THREADS}u + local;
  if (i >= ${stride}u) { return; }
${Array.from({ length: UNROLL }, (_, k) => `  let v${k} = source[i + ${k * stride}u];`).join('\n')}
${Array.from({ length: UNROLL }, (_, k) => `  copied[i + ${k * stride}u] = v${k};`).join('\n')}`,
  });
}

/**
 * Bytes read plus written per second by a copy: the roofline of decode. Median of a few runs.
 * @param bytes of the buffer that is copied; larger than the GPU's caches, so that its memory is what is measured.
 * @param now a clock, for devices without timestamps.
 */
export async function measureBandwidth(gpu: GpuDevice, bytes: Bytes, now: () => Seconds): Promise<number> {
  const memory = new GpuMemory(gpu);
  try {
    const size = Math.floor(Math.min(bytes, gpu.traits.maxBinding) / MiB) * MiB;
    const buffers = {
      source: await memory.allocate('bandwidth probe, source', size),
      copied: await memory.allocate('bandwidth probe, target', size),
    };
    const units = size / 16;
    const kernel = await Kernel.compile(gpu, copyShader(units));
    const groups = Math.ceil(units / UNROLL / THREADS);
    const x = Math.min(groups, 32768);
    const grid = [x, Math.ceil(groups / x), 1] as const;
    const encode = (pass: GPUComputePassEncoder) => kernel.dispatch(pass, 0, () => buffers, grid);
    const times: Seconds[] = [];
    for (let i = 0; i < REPETITIONS; i++) times.push(await passTime(gpu, encode, now));
    // The first pays for what is made lazily.
    const median = times.slice(1).sort((a, b) => a - b)[Math.floor((REPETITIONS - 1) / 2)]!;
    gpu.check();
    return (2 * size) / Math.max(median, 1e-9);
  } finally {
    memory.destroy();
  }
}

/** How long one compute pass takes: by the GPU's own clock where it shows it, else until its work is done. */
export async function passTime(
  { device, features }: GpuDevice,
  encode: (pass: GPUComputePassEncoder) => void,
  now: () => Seconds,
): Promise<Seconds> {
  const encoder = device.createCommandEncoder();
  if (!features.has('timestamp-query')) {
    const pass = encoder.beginComputePass();
    encode(pass);
    pass.end();
    const begin = now();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    return now() - begin;
  }
  const querySet = device.createQuerySet({ type: 'timestamp', count: 2 });
  const resolved = device.createBuffer({ size: 16, usage: USAGE.queryResolve | USAGE.copySrc });
  const reader = device.createBuffer({ size: 16, usage: USAGE.mapRead | USAGE.copyDst });
  const timestampWrites = { querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 };
  const pass = encoder.beginComputePass({ timestampWrites });
  encode(pass);
  pass.end();
  encoder.resolveQuerySet(querySet, 0, 2, resolved, 0);
  encoder.copyBufferToBuffer(resolved, 0, reader, 0, 16);
  device.queue.submit([encoder.finish()]);
  await reader.mapAsync(MAP_READ);
  const [begin, end] = new BigUint64Array(reader.getMappedRange());
  const nanoseconds = Number(end! - begin!);
  querySet.destroy();
  resolved.destroy();
  reader.destroy();
  return nanoseconds / 1e9;
}
