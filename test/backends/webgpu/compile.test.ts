import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ModelConfig } from '../../../src/backends/model/config.ts';
import { pagedAttentionShader } from '../../../src/backends/webgpu/attention/paged-attention.ts';
import { copyShader } from '../../../src/backends/webgpu/bandwidth.ts';
import { GpuDevice } from '../../../src/backends/webgpu/device.ts';
import { Kernel } from '../../../src/backends/webgpu/kernel.ts';
import { KernelSet, linearOps, shadersOf } from '../../../src/backends/webgpu/kernel-set.ts';
import { convertShader } from '../../../src/backends/webgpu/kernels/convert.ts';
import type { Shader } from '../../../src/backends/webgpu/kernels/shader.ts';
import { LinearKernels } from '../../../src/backends/webgpu/linear/linear-kernels.ts';
import type { LinearVariant } from '../../../src/backends/webgpu/linear/linear-variant.ts';
import { LINEAR_VARIANTS } from '../../../src/backends/webgpu/linear/linear-variants.ts';
import type { DeviceTraits } from '../../../src/backends/webgpu/traits.ts';
import { LLAMA_2_7B } from '../../bench/gpu-model.ts';

let gpu: GpuDevice;
beforeAll(async () => {
  gpu = await GpuDevice.open({ backend: 'null' });
});
afterAll(() => gpu?.destroy());

const BASE: ModelConfig = { ...LLAMA_2_7B, layers: 1 };

/** Shapes of real models, each with something of its own. */
const MODELS: Record<string, ModelConfig> = {
  'Llama-2-7B': BASE,
  'Llama-3-8B': { ...BASE, kvHeads: 8, intermediate: 14336, vocab: 128256 },
  'Mistral-7B': { ...BASE, kvHeads: 8, intermediate: 14336, slidingWindow: 4096 },
  'Qwen2-0.5B': {
    ...BASE,
    hidden: 896,
    heads: 14,
    kvHeads: 2,
    headDim: 64,
    intermediate: 4864,
    vocab: 151936,
    qkvBias: true,
  },
  'Qwen3-4B': {
    ...BASE,
    hidden: 2560,
    heads: 32,
    kvHeads: 8,
    intermediate: 9728,
    vocab: 151936,
    qkNorm: true,
  },
  stories260K: { ...BASE, hidden: 64, heads: 8, kvHeads: 4, headDim: 8, intermediate: 172, vocab: 512 },
};

/** Lanes of a subgroup on NVIDIA, SwiftShader, and none. */
const SUBGROUPS = [32, 4, undefined];

function portable(subgroupSize: number | undefined): DeviceTraits {
  return {
    subgroupSize,
    shaderF16: true,
    subgroupMatrices: [],
    workgroupStorage: 32768,
    maxInvocations: 256,
    maxBinding: 2 ** 30,
    robust: true,
  };
}

/** As an H200 has them. */
const MATRICES: DeviceTraits = {
  ...portable(32),
  subgroupMatrices: [{ m: 16, n: 16, k: 16, component: 'f16', result: 'f32' }],
  workgroupStorage: 49152,
  maxInvocations: 1024,
};

/**
 * What the null backend has against them. It has as little workgroup memory as a phone, which it looks at last:
 * of kernels for larger GPUs it need not say more.
 */
async function refused(shaders: readonly Shader[]): Promise<string[]> {
  const results = await Promise.allSettled(shaders.map(shader => Kernel.compile(gpu, shader)));
  const reasons = results.flatMap(result => (result.status === 'rejected' ? [String(result.reason)] : []));
  return reasons.filter(reason => {
    const [, bytes] = /use of workgroup storage \((\d+) bytes\) is larger/.exec(reason) ?? [];
    return bytes === undefined || Number(bytes) > MATRICES.workgroupStorage;
  });
}

describe.each(Object.entries(MODELS))('%s', (_, config) => {
  test.each(['f16', 'f32'] as const)('every shader makes a pipeline, in %s', async dtype => {
    const shaders = new Map<string, Shader>();
    for (const traits of [...SUBGROUPS.map(portable), MATRICES]) {
      for (const blockSize of [16, 256]) {
        const options = { config, dtype, blockSize };
        for (const shader of Object.values(shadersOf(options, traits))) shaders.set(shader.code, shader);
      }
      for (const op of linearOps({ config, dtype, blockSize: 16 })) {
        const variants = LINEAR_VARIANTS.filter(variant => variant.supports(op, traits));
        expect(variants.length).toBeGreaterThan(1);
        for (const { shader } of variants.flatMap(variant => variant.passes(op, traits)))
          shaders.set(shader.code, shader);
      }
    }
    expect(await refused([...shaders.values()])).toEqual([]);
    for (const shader of shaders.values()) {
      expect(
        shader.bindings.filter(({ access }) => access !== 'uniform').length,
        shader.name,
      ).toBeLessThanOrEqual(10);
    }
  });
});

test('the matrix kernels are among them', () => {
  const names = LINEAR_VARIANTS.flatMap(variant =>
    linearOps({ config: BASE, dtype: 'f16', blockSize: 16 })
      .filter(op => variant.supports(op, MATRICES))
      .flatMap(op => variant.passes(op, MATRICES).map(({ shader }) => shader.name)),
  );
  expect(names.filter(name => name.startsWith('matrix-gemm')).length).toBeGreaterThan(20);
  const { prefill, decode } = shadersOf({ config: BASE, dtype: 'f16', blockSize: 16 }, MATRICES);
  expect([prefill.name, decode.name].map(name => name.split(' ')[0])).toEqual([
    'matrix-prefill',
    'subgroup-decode',
  ]);
});

test('the conversions of weights and the bandwidth probe make pipelines', async () => {
  const conversions = (['F32', 'F16', 'BF16'] as const).flatMap(from =>
    (['f16', 'f32'] as const).map(dtype => convertShader(from, dtype)),
  );
  expect(await refused([...conversions, copyShader(1 << 20)])).toEqual([]);
});

test('what was compiled ahead leaves nothing to compile for any step up to that size', async () => {
  const kernels = new KernelSet(gpu, { config: MODELS['stories260K']!, dtype: 'f16', blockSize: 16 });
  const { qkv } = kernels.linear;
  expect(qkv.ready(1)).toBe(false);
  await kernels.prepareUpTo(60, 4);
  for (let rows = 0; rows <= 60; rows++) expect(qkv.ready(rows)).toBe(true);
  expect(kernels.linear['lm-head'].ready(4)).toBe(true);
  expect(kernels.linear['lm-head'].ready(60)).toBe(false);
  for (const part of ['decode', 'prefill', 'merge', 'copyBlocks', 'sample'] as const) {
    expect(kernels.part(part)).toBeInstanceOf(Kernel);
  }
});

test('a step compiles no more than it takes', async () => {
  const kernels = new KernelSet(gpu, { config: MODELS['stories260K']!, dtype: 'f32', blockSize: 16 });
  await kernels.prepare({ tokens: 1, outputs: 1, decodes: 1, prefills: 0, merges: 0, copies: 0 });
  expect(kernels.part('decode')).toBeInstanceOf(Kernel);
  expect(kernels.part('prefill')).toBeUndefined();
  expect(kernels.linear.down.ready(1)).toBe(true);
  expect(kernels.linear.down.ready(9)).toBe(false);
});

test('a variant of several passes, with scratch, goes where it is preferred', async () => {
  const [, op] = linearOps({ config: BASE, dtype: 'f16', blockSize: 16 });
  const whole = LINEAR_VARIANTS.find(({ name }) => name === 'tiled-64x64')!;
  const split: LinearVariant = {
    ...whole,
    name: 'split',
    passes: (of, traits) => {
      const [pass] = whole.passes(of, traits);
      return [{ ...pass!, scratchBytes: rows => rows * 8 }, pass!];
    },
  };
  const linear = new LinearKernels(gpu, op!, (_, rows) => (rows >= 49 ? 'split' : undefined), [
    ...LINEAR_VARIANTS,
    split,
  ]);
  expect([linear.nameFor(48), linear.nameFor(49), linear.nameFor(4096)]).toEqual([
    'tiled-16x64',
    'split',
    'split',
  ]);
  expect([linear.scratchBytes(48), linear.scratchBytes(256)]).toEqual([0, 2048]);
  await linear.prepareUpTo(100);
  expect([1, 9, 48, 49, 100].every(rows => linear.ready(rows))).toBe(true);
});

test('the largest heads fit the workgroup memory of any adapter', async () => {
  const shape = { dtype: 'f32', heads: 16, kvHeads: 8, headDim: 256, blockSize: 16 } as const;
  const shaders = [1, 4].map(tokens =>
    pagedAttentionShader({ ...shape, items: 'decodes', tokens, threads: 128 }),
  );
  expect(await refused(shaders)).toEqual([]);
});

test.each([
  ['a broken one', 'fn main( {', 'expected'],
  [
    'matrix-broken',
    'enable f16; enable subgroups; enable chromium_experimental_subgroup_matrix;\n@compute @workgroup_size(32) fn main() { let m = subgroup_matrix_left<f16, 16, 16>() + 1; }',
    'no matching overload',
  ],
])('a shader that a device refuses is named, with its reason: %s', async (name, code, reason) => {
  const shader: Shader = { name, code, bindings: [] };
  expect(await refused([shader])).toEqual([
    expect.stringMatching(new RegExp(`kernel "${name}" does not compile: .*${reason}`, 's')),
  ]);
});
