import { describe, expect, test } from 'vitest';
import { shader } from '../../../src/backends/webgpu/kernels/shader.ts';
import { STEP_BINDING, STEP_STRUCT } from '../../../src/backends/webgpu/kernels/step-layout.ts';
import { EPILOGUES, type Epilogue, type LinearOp } from '../../../src/backends/webgpu/linear/linear-op.ts';
import type { LinearVariant } from '../../../src/backends/webgpu/linear/linear-variant.ts';
import { PORTABLE } from '../../../src/backends/webgpu/linear/linear-variants.ts';
import { matrixVariant } from '../../../src/backends/webgpu/linear/matrix-variant.ts';
import { tiledVariant } from '../../../src/backends/webgpu/linear/tiled-gemm.ts';
import { tune, tuningKey } from '../../../src/backends/webgpu/tune.ts';
import { UsageError } from '../../../src/core/errors.ts';
import { emulated } from './emulated-matrices.ts';
import { softwareGpu } from './software-gpu.ts';

const gpu = softwareGpu();
const now = () => performance.now() / 1000;

const opOf = (epilogue: Epilogue, inputs: number): LinearOp => ({
  name: 'qkv',
  dtype: 'f16',
  inputs,
  outputs: 64,
  epilogue,
  bias: epilogue === 'activation',
  rows: 'tokens',
});

/** Larger tiles than the portable one's, of which the last is not full. */
const square = tiledVariant({ rows: 64, outputs: 64 }, 1);

/** On a GPU without matrix units, so that it runs anywhere. */
function anywhere(variant: LinearVariant): LinearVariant {
  return {
    ...variant,
    supports: () => true,
    passes: (op, traits) =>
      variant.passes(op, traits).map(pass => ({ ...pass, shader: emulated(pass.shader) })),
  };
}

/** The variant, with its code changed. */
function changed(variant: LinearVariant, what: string, by: string): LinearVariant {
  return {
    ...variant,
    name: 'wrong',
    passes: (op, traits) =>
      variant.passes(op, traits).map(pass => {
        const code = pass.shader.code.replaceAll(what, by);
        return { ...pass, shader: { ...pass.shader, code } };
      }),
  };
}

/** The variant, and then one value of f32 more at a place. */
function spoilt(variant: LinearVariant, row: number, column: number, by: string): LinearVariant {
  const code = (columns: number) =>
    shader({
      name: 'spoils a value',
      bindings: [STEP_BINDING, { name: 'y', access: 'read_write', type: 'array<f32>' }],
      declarations: STEP_STRUCT,
      workgroupSize: 1,
      body: `let at = ${row * columns + column}u + min(step.tokens, 0u); y[at] += ${by};`,
    });
  return {
    ...variant,
    name: 'wrong',
    passes: (op, traits) => [
      ...variant.passes(op, traits),
      { shader: code(op.outputs), grid: () => [1, 1, 1] },
    ],
  };
}

async function tuned(op: LinearOp, variants: readonly LinearVariant[], tokens = 36) {
  const { fastest, refusals } = await tune(await gpu(), [op], { tokens, outputs: 0 }, now, [
    ...variants,
    PORTABLE,
  ]);
  return { fastest: fastest[tuningKey(op)]!, refusals };
}

describe('a kernel that computes wrongly on this GPU is left out, and named', () => {
  const residual = opOf('residual', 96);
  const cases: [what: string, wrong: LinearVariant, why: RegExp][] = [
    [
      'everywhere',
      changed(square, 's0 += ', 's0 += 1.01 * '),
      /^is off by 0\.0\d+ of the largest value in row/,
    ],
    [
      'no numbers',
      spoilt(square, 0, 0, 'bitcast<f32>(0x7fc00000u | at)'),
      /^is no number in row 0, column 0$/,
    ],
    ['in the last row only', spoilt(square, 34, 63, '0.05'), /^is off by 0\.0\d+ .* in row 34, column 63$/],
    [
      'in the row after the last',
      spoilt(square, 35, 7, '0.05'),
      /^is off by 0\.0\d+ .* in row 35, column 7$/,
    ],
    ['within', spoilt(square, 17, 30, '-0.05'), /^is off by 0\.0\d+ .* in row 17, column 30$/],
    ['a residual is replaced', changed(square, '+= s', '= s'), /^is off by /],
    ['one of 96 inputs left out', changed(square, 'k < 32u', 'k < 31u'), /^is off by /],
    ['not compiled', changed(square, 'fn main(', 'fn main( {'), /^does not compile \(kernel "tiled-gemm/],
  ];
  test.each(cases)('%s', async (_, wrong, why) => {
    const { fastest, refusals } = await tuned(residual, [wrong]);
    expect(refusals).toEqual([
      { variant: 'wrong', layer: tuningKey(residual), rows: 35, why: expect.stringMatching(why) },
    ]);
    expect(fastest).toEqual({ 1: PORTABLE.name });
  });

  test.each(EPILOGUES)('and in f32 only what is right is kept, too: %s', async epilogue => {
    const op: LinearOp = { ...opOf(epilogue, 96), dtype: 'f32' };
    const wrong = changed(square, 'k < 32u', 'k < 31u');
    const { refusals } = await tuned(op, [{ ...square, name: 'right' }, wrong]);
    expect(refusals.map(({ variant }) => variant)).toEqual(['wrong']);
  });

  test('only where it is wrong', async () => {
    const few = { ...spoilt(square, 3, 0, '1.0'), minRows: 1, maxRows: 8 };
    const { fastest, refusals } = await tuned(residual, [few, { ...square, name: 'right', minRows: 9 }]);
    expect(refusals.map(({ rows }) => rows)).toEqual([7]);
    expect(fastest[1]).toBe(PORTABLE.name);
    expect(fastest[9]).toMatch(/^(right|tiled-16x64)$/);
  });

  test.each([
    ['does not compile', 'fn main(', 'fn main( {', /does not compile/],
    ['is wrong itself', 'k < 32u', 'k < 31u', /is off by 0\.\d+ of the largest value in row \d+: update/],
  ])('nothing is compared with a kernel that %s', async (_, code, by, why) => {
    const wrong = { ...PORTABLE, passes: changed(PORTABLE, code, by).passes };
    const tuning = tune(await gpu(), [residual], { tokens: 2, outputs: 0 }, now, [square, wrong]);
    await expect(tuning).rejects.toThrow(
      /kernels of qkv cannot be proven on SwiftShader.*tiled-16x64, which .* do without tuning/s,
    );
    await expect(tuning).rejects.toThrow(why);
    await expect(tuning).rejects.toThrow(UsageError);
  });
});

describe('kernels for matrix units, emulated', () => {
  const TALL = { rows: 128, outputs: 32, depth: 32, along: [4, 1] } as const;
  const split = anywhere(matrixVariant(TALL, 1, { parts: 2, maxRows: 256 }));

  test.each(EPILOGUES)('are kept where they are right: %s', async epilogue => {
    const whole = anywhere(matrixVariant(TALL, 1));
    const { refusals, fastest } = await tuned(opOf(epilogue, 96), [whole, split], 142);
    expect(refusals).toEqual([]);
    expect(Object.keys(fastest)).toEqual(['1']);
  });

  test('a part that is added twice, and one that is never computed, are found', async () => {
    const op = opOf('logits', 96);
    const twice = changed(split, '1u * apart', '0u * apart');
    // What the right one left there must not be found by it.
    const leftover: LinearVariant = {
      ...split,
      name: 'leftover',
      passes: (layer, traits) => {
        const [product, sum] = split.passes(layer, traits);
        return [{ ...sum!, scratchBytes: rows => product!.scratchBytes!(rows) }];
      },
    };
    const { refusals } = await tuned(op, [split, twice, leftover], 142);
    expect(refusals.map(({ variant, rows }) => [variant, rows])).toEqual([
      ['wrong', 141],
      ['leftover', 141],
    ]);
  });
});
