import { expect, test } from 'vitest';
import { GiB } from '../../../src/core/units.ts';
import { findGpu, gpus } from '../../../src/sim/hardware/catalogue.ts';

test('lists the GPUs people serve on', () => {
  expect(gpus.map(gpu => gpu.name).sort()).toEqual(
    [
      'a100-40g',
      'a100-80g',
      'a10g',
      'b200',
      'h100',
      'h200',
      'l4',
      'l40s',
      'mi300x',
      'rtx-4090',
      'rtx-pro-6000',
      't4',
    ].sort(),
  );
  expect(new Set(gpus.map(gpu => gpu.title)).size).toBe(gpus.length);
});

test('finds by name, in any case', () => {
  expect(findGpu('H100')?.title).toBe('NVIDIA H100 80GB HBM3');
  expect(findGpu('h1000')).toBeUndefined();
});

test.each(gpus)('$name: figures are possible', gpu => {
  const { gemm, decodeAttention, prefillAttention, elementwise } = gpu.efficiency;
  const fractions = [gemm.compute, gemm.memory, decodeAttention.memory, elementwise.memory];
  const curve = prefillAttention.mfu;
  for (const fraction of [...fractions, ...curve.map(([, mfu]) => mfu)]) {
    expect(fraction).toBeGreaterThan(0);
    expect(fraction).toBeLessThanOrEqual(1);
  }

  const lengths = curve.map(([length]) => length);
  expect(lengths).toEqual([...new Set(lengths)].sort((a, b) => a - b));
  expect(lengths[0]).toBeLessThanOrEqual(128);
  expect(lengths.at(-1)).toBeGreaterThanOrEqual(16_384);

  for (const floor of [gemm, decodeAttention, prefillAttention, elementwise].map(part => part.floor)) {
    expect(floor).toBeGreaterThan(1e-6);
    expect(floor).toBeLessThan(20e-6);
  }

  // In units people can check: 14 to 200 GiB, 0.3 to 8 TB/s, 65 to 2250 TFLOP/s.
  expect(Number.isInteger(gpu.memory)).toBe(true);
  expect(gpu.memory).toBeGreaterThan(14 * GiB);
  expect(gpu.memory).toBeLessThan(200 * GiB);
  expect(gpu.bandwidth).toBeGreaterThanOrEqual(300e9);
  expect(gpu.bandwidth).toBeLessThan(8e12);
  expect(gpu.flops.fp16).toBeGreaterThanOrEqual(65e12);
  expect(gpu.flops.fp16).toBeLessThanOrEqual(2250e12);
  for (const narrow of [gpu.flops.fp8, gpu.flops.int8]) {
    if (narrow !== undefined) expect(narrow / gpu.flops.fp16).toBeGreaterThan(1.9);
  }

  const { bandwidth, graphLatency, eagerLatency } = gpu.interconnect;
  expect(bandwidth).toBeGreaterThan(1e9);
  expect(bandwidth).toBeLessThan(900e9);
  expect(graphLatency).toBeGreaterThan(1e-6);
  expect(eagerLatency).toBeGreaterThan(graphLatency);
  expect(eagerLatency).toBeLessThan(100e-6);
  expect(gpu.pcie).toBeGreaterThanOrEqual(16e9);
});

test.each(gpus)('$name: says where its figures come from', gpu => {
  expect(gpu.source).not.toBe('');
  expect(gpu.source).not.toMatch(/https?:/);
  if (gpu.efficiency.basis === 'measured') expect(gpu.source).toContain('fits to');
  else {
    const relative = /carried over from ([\w-]+)/.exec(gpu.source)?.[1];
    expect(findGpu(relative ?? '')?.efficiency.basis).toBe('measured');
  }
});

test('an estimate has the efficiency of the relative it names', () => {
  for (const [name, relative] of [
    ['a100-40g', 'a100-80g'],
    ['l4', 'l40s'],
    ['t4', 'l40s'],
    ['mi300x', 'b200'],
  ] as const) {
    expect(findGpu(name)?.efficiency).toEqual({ ...findGpu(relative)?.efficiency, basis: 'estimated' });
  }
});

test('a Llama-3.1-8B gate_up GEMM on the RTX 4090 takes the profiled time', () => {
  const gpu = findGpu('rtx-4090')!;
  const { floor, compute, memory } = gpu.efficiency.gemm;
  const [n, k] = [28_672, 4096];
  // LLMServingSim profile, dense table: microseconds by tokens.
  for (const [m, measured] of [
    [1, 247.292],
    [16, 253.327],
    [64, 279.041],
    [512, 736.703],
    [2048, 2896.81],
  ] as const) {
    const flops = 2 * m * n * k;
    const bytes = 2 * (n * k + m * k + m * n);
    const seconds = floor + Math.max(flops / (gpu.flops.fp16 * compute), bytes / (gpu.bandwidth * memory));
    expect(Math.abs((seconds * 1e6) / measured - 1)).toBeLessThan(0.12);
  }
});
