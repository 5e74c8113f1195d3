import { describe, expect, test } from 'vitest';
import { Kernel } from '../../../src/backends/webgpu/kernel.ts';
import type { Epilogue, LinearOp } from '../../../src/backends/webgpu/linear/linear-op.ts';
import { matrixVariant } from '../../../src/backends/webgpu/linear/matrix-variant.ts';
import { emulated } from './emulated-matrices.ts';
import { linearError } from './linear-error.ts';
import { softwareGpu } from './software-gpu.ts';

const gpu = softwareGpu();

const SKINNY = { rows: 16, outputs: 64, depth: 64, along: [1, 4] } as const;
const SQUARE = { rows: 64, outputs: 64, depth: 64, along: [2, 2] } as const;
const TALL = { rows: 128, outputs: 32, depth: 32, along: [4, 1] } as const;

describe('products on matrix units, emulated, against the plain sum', () => {
  const cases: [
    name: string,
    tile: typeof SKINNY | typeof SQUARE | typeof TALL,
    parts: number,
    epilogue: Epilogue,
    inputs: number,
    rows: number,
  ][] = [
    ['a tile of few rows', SKINNY, 1, 'activation', 128, 5],
    ['with SwiGLU', SKINNY, 1, 'swiglu', 64, 16],
    ['split, with fewer steps than parts share equally', SKINNY, 4, 'residual', 320, 7],
    ['split, with a bias', SKINNY, 2, 'activation', 128, 16],
    ['split, with SwiGLU', SKINNY, 2, 'swiglu', 128, 3],
    ['two by two', SQUARE, 1, 'residual', 64, 50],
    ['two by two, split', SQUARE, 2, 'logits', 128, 64],
    ['several tiles of rows', TALL, 1, 'logits', 64, 200],
    ['several tiles of rows, split', TALL, 2, 'residual', 96, 140],
  ];
  test.each(cases)('%s', async (_, tile, parts, epilogue, inputs, rows) => {
    const device = await gpu();
    const variant = matrixVariant(tile, 1, { parts, maxRows: 256 });
    const bias = epilogue === 'activation';
    const op: LinearOp = { name: 'qkv', dtype: 'f16', inputs, outputs: 64, epilogue, bias, rows: 'tokens' };
    const passes = variant.passes(op, device.traits);
    expect(passes.length).toBe(parts > 1 ? 2 : 1);
    const { error, untouched } = await linearError(device, variant, op, rows, rows, shader =>
      Kernel.compile(device, emulated(shader)),
    );
    expect(error).toBeLessThan(2e-3);
    expect(untouched).toBe(true);
  });
});
