import { describe, expect, test } from 'vitest';
import { stepUniform } from '../../../src/backends/webgpu/kernels/step-layout.ts';
import type { Dtype } from '../../../src/backends/webgpu/kernels/storage.ts';
import { gemvShader, gemvVariant } from '../../../src/backends/webgpu/linear/gemv.ts';
import type { Epilogue, LinearOp } from '../../../src/backends/webgpu/linear/linear-op.ts';
import type { LinearVariant } from '../../../src/backends/webgpu/linear/linear-variant.ts';
import {
  chooseVariant,
  LINEAR_VARIANTS,
  variantBounds,
} from '../../../src/backends/webgpu/linear/linear-variants.ts';
import { tiledVariant } from '../../../src/backends/webgpu/linear/tiled-gemm.ts';
import type { DeviceTraits } from '../../../src/backends/webgpu/traits.ts';
import { linearError } from './linear-error.ts';
import { naiveLinear, noise, relativeError } from './naive.ts';
import { kernelCache, runKernels } from './run-kernel.ts';
import { softwareGpu } from './software-gpu.ts';

const gpu = softwareGpu();
const compiled = kernelCache(gpu);

interface Case {
  readonly variant: LinearVariant;
  readonly dtype: Dtype;
  readonly epilogue: Epilogue;
  readonly inputs: number;
  readonly outputs: number;
  readonly bias: boolean;
  /** Numbers of rows to try; the kernel is compiled once. */
  readonly rows: readonly number[];
}

const tall = tiledVariant({ rows: 16, outputs: 64 }, 1);
const square = tiledVariant({ rows: 64, outputs: 64 }, 49);

/** Odd sizes: outputs that fill no workgroup, inputs that are no multiple of a team or a tile. */
const CASES: readonly Case[] = [
  {
    variant: gemvVariant(1, true),
    dtype: 'f32',
    epilogue: 'logits',
    inputs: 200,
    outputs: 131,
    bias: false,
    rows: [1, 3],
  },
  {
    variant: gemvVariant(1, false),
    dtype: 'f16',
    epilogue: 'activation',
    inputs: 264,
    outputs: 70,
    bias: true,
    rows: [1],
  },
  {
    variant: gemvVariant(2, true),
    dtype: 'f16',
    epilogue: 'residual',
    inputs: 136,
    outputs: 77,
    bias: false,
    rows: [1, 2],
  },
  {
    variant: gemvVariant(4, true),
    dtype: 'f16',
    epilogue: 'swiglu',
    inputs: 72,
    outputs: 84,
    bias: false,
    rows: [3, 4],
  },
  {
    variant: gemvVariant(2, false),
    dtype: 'f32',
    epilogue: 'swiglu',
    inputs: 40,
    outputs: 38,
    bias: false,
    rows: [2],
  },
  {
    variant: gemvVariant(4, false),
    dtype: 'f32',
    epilogue: 'residual',
    inputs: 24,
    outputs: 33,
    bias: false,
    rows: [3],
  },
  {
    variant: gemvVariant(8, true),
    dtype: 'f32',
    epilogue: 'activation',
    inputs: 48,
    outputs: 30,
    bias: true,
    rows: [7, 9],
  },
  {
    variant: gemvVariant(8, false),
    dtype: 'f16',
    epilogue: 'logits',
    inputs: 136,
    outputs: 19,
    bias: false,
    rows: [8],
  },
  { variant: tall, dtype: 'f32', epilogue: 'swiglu', inputs: 40, outputs: 90, bias: false, rows: [1, 17] },
  { variant: tall, dtype: 'f16', epilogue: 'activation', inputs: 48, outputs: 66, bias: true, rows: [30] },
  { variant: square, dtype: 'f16', epilogue: 'residual', inputs: 64, outputs: 70, bias: false, rows: [65] },
  { variant: square, dtype: 'f16', epilogue: 'swiglu', inputs: 32, outputs: 132, bias: false, rows: [50] },
];

describe('linear layers against the plain sum', () => {
  for (const [seed, given] of CASES.entries()) {
    const { variant, dtype, epilogue, inputs, outputs, bias, rows } = given;
    test(`${variant.name} ${dtype} ${epilogue} ${outputs}x${inputs}`, async () => {
      const op: LinearOp = { name: 'qkv', dtype, inputs, outputs, epilogue, bias, rows: 'tokens' };
      for (const count of rows) {
        const { error, untouched } = await linearError(await gpu(), variant, op, count, seed, compiled);
        expect(error).toBeLessThan(dtype === 'f16' ? 2e-3 : 1e-5);
        expect(untouched).toBe(true);
      }
    });
  }
});

describe('the choice of a variant', () => {
  const op: LinearOp = {
    name: 'down',
    dtype: 'f16',
    inputs: 64,
    outputs: 64,
    epilogue: 'residual',
    bias: false,
    rows: 'tokens',
  };
  const traits: DeviceTraits = {
    subgroupSize: 32,
    shaderF16: true,
    subgroupMatrices: [],
    workgroupStorage: 32768,
    maxInvocations: 256,
    maxBinding: 2 ** 30,
    robust: true,
  };
  const names = (device: DeviceTraits) =>
    [1, 2, 3, 8, 9, 48, 49, 5000].map(rows => chooseVariant(op, rows, device).name);

  test('goes by the number of rows, and by what the device has', () => {
    const tiled = ['tiled-16x64', 'tiled-16x64', 'tiled-64x64', 'tiled-64x64'];
    expect(names(traits)).toEqual([
      'gemv-1-subgroups',
      'gemv-2-subgroups',
      'gemv-4-subgroups',
      'gemv-8-subgroups',
      ...tiled,
    ]);
    expect(names({ ...traits, subgroupSize: undefined })).toEqual([
      'gemv-1',
      'gemv-2',
      'gemv-4',
      'gemv-8',
      ...tiled,
    ]);
    expect(names({ ...traits, maxInvocations: 128 }).at(-1)).toBe('tiled-16x64');
  });

  test('follows a measurement where the variant is one for so many rows', () => {
    expect(chooseVariant(op, 100, traits, () => 'tiled-16x64').name).toBe('tiled-16x64');
    expect(chooseVariant(op, 100, traits, () => 'gemv-1').name).toBe('tiled-64x64');
    expect(chooseVariant(op, 100, traits, () => 'of another version').name).toBe('tiled-64x64');
  });

  test('changes only at the bounds', () => {
    const bounds = variantBounds();
    for (let rows = 1; rows < 200; rows++) {
      const least = bounds.findLast(bound => bound <= rows)!;
      expect(chooseVariant(op, rows, traits)).toBe(chooseVariant(op, least, traits));
    }
  });

  test('variants have distinct names', () => {
    expect(new Set(LINEAR_VARIANTS.map(({ name }) => name)).size).toBe(LINEAR_VARIANTS.length);
  });
});

test('a team may be any power of two', async () => {
  const device = await gpu();
  const op: LinearOp = {
    name: 'lm-head',
    dtype: 'f32',
    inputs: 40,
    outputs: 9,
    epilogue: 'logits',
    bias: false,
    rows: 'outputs',
  };
  const [x, weights] = [noise(1, 40), noise(2, 360)];
  for (const team of [2, 8, 64]) {
    const shader = gemvShader(op, { rows: 1, team, subgroups: false, threads: 64, unroll: 2 });
    const buffers = { step: stepUniform({ outputs: 1 }), x, weights, y: 9 * 4 };
    const { y } = await runKernels(
      device,
      [{ kernel: await compiled(shader), buffers, grid: [Math.ceil((9 * team) / 64), 1, 1] }],
      ['y'],
    );
    expect(relativeError(new Float32Array(y!, 0, 9), naiveLinear(x, weights, 1, 9, 40))).toBeLessThan(1e-5);
  }
});
