import type { GpuDevice } from '../../../src/backends/webgpu/device.ts';
import { Kernel } from '../../../src/backends/webgpu/kernel.ts';
import type { Grid, Shader } from '../../../src/backends/webgpu/kernels/shader.ts';
import type { Dtype } from '../../../src/backends/webgpu/kernels/storage.ts';
import { MAP_READ, USAGE } from '../../../src/backends/webgpu/usage.ts';

/** Contents of a buffer; a number: so many bytes of zeros. */
export type Contents = Float32Array | Int32Array | Uint32Array | Uint8Array | number;

export interface KernelRun {
  readonly kernel: Kernel;
  readonly buffers: Readonly<Record<string, Contents>>;
  readonly grid: Grid;
}

/** Runs kernels one after the other on the same buffers (by name); answers with those asked for. */
export async function runKernels(
  gpu: GpuDevice,
  runs: readonly KernelRun[],
  wanted: readonly string[],
): Promise<Record<string, ArrayBuffer>> {
  const { device } = gpu;
  const made = new Map<string, GPUBuffer>();
  for (const { buffers } of runs) {
    for (const [name, contents] of Object.entries(buffers)) {
      if (made.has(name)) continue;
      const bytes = typeof contents === 'number' ? contents : contents.byteLength;
      const usage = (name === 'step' || name === 'convert' ? USAGE.uniform : USAGE.storage) | USAGE.copyDst;
      const size = Math.max(16, Math.ceil(bytes / 16) * 16);
      const buffer = device.createBuffer({ size, usage: usage | USAGE.copySrc });
      if (typeof contents !== 'number') device.queue.writeBuffer(buffer, 0, wholeWords(contents));
      made.set(name, buffer);
    }
  }
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  for (const { kernel, grid } of runs) {
    kernel.forgetBuffers();
    kernel.dispatch(pass, 0, () => Object.fromEntries(made), grid);
  }
  pass.end();
  const readers = wanted.map(name => {
    const { size } = made.get(name)!;
    const reader = device.createBuffer({ size, usage: USAGE.mapRead | USAGE.copyDst });
    encoder.copyBufferToBuffer(made.get(name)!, 0, reader, 0, size);
    return reader;
  });
  device.queue.submit([encoder.finish()]);
  const results: Record<string, ArrayBuffer> = {};
  for (const [i, reader] of readers.entries()) {
    await reader.mapAsync(MAP_READ);
    results[wanted[i]!] = reader.getMappedRange().slice(0);
    reader.destroy();
  }
  for (const buffer of made.values()) buffer.destroy();
  gpu.check();
  return results;
}

function wholeWords(contents: Exclude<Contents, number>): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(Math.ceil(contents.byteLength / 4) * 4);
  copy.set(new Uint8Array(contents.buffer, contents.byteOffset, contents.byteLength));
  return copy;
}

/** Each shader is compiled once in a test file. */
export function kernelCache(gpu: () => Promise<GpuDevice>): (shader: Shader) => Promise<Kernel> {
  const kernels = new Map<string, Promise<Kernel>>();
  return async shader => {
    const known = kernels.get(shader.code);
    if (known) return known;
    const compiled = Kernel.compile(await gpu(), shader);
    kernels.set(shader.code, compiled);
    return compiled;
  };
}

/** Values as a buffer of that dtype has them. */
export function stored(dtype: Dtype, values: ArrayLike<number>): Float32Array | Uint8Array {
  if (dtype === 'f32') return Float32Array.from(values);
  const halves = Uint16Array.from(values, halfBits);
  return new Uint8Array(halves.buffer);
}

/** The same values after their way through that dtype. */
export function loaded(dtype: Dtype, bytes: ArrayBuffer, count: number): Float32Array {
  if (dtype === 'f32') return new Float32Array(bytes, 0, count);
  return Float32Array.from(new Uint16Array(bytes, 0, count), halfValue);
}

export function rounded(dtype: Dtype, values: ArrayLike<number>): Float32Array {
  return dtype === 'f32' ? Float32Array.from(values) : Float32Array.from(values, v => halfValue(halfBits(v)));
}

/** f16 of a number, to nearest even. */
export function halfBits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (size >= 65520) return sign | 0x7c00;
  const exponent = size < 2 ** -14 ? -14 : Math.floor(Math.log2(size));
  const scaled = size / 2 ** (exponent - 10);
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  const whole = rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
  // A mantissa that rounds up to 2048 carries into the exponent by itself.
  return sign | (size < 2 ** -14 ? whole : ((exponent + 14) << 10) + whole);
}

function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 1023;
  if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent === 0 ? mantissa * 2 ** -24 : (1024 + mantissa) * 2 ** (exponent - 25));
}
