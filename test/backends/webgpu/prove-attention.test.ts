import { describe, expect, test } from 'vitest';
import type { AttentionPart } from '../../../src/backends/webgpu/attention/attention-kernels.ts';
import type { AttentionShape } from '../../../src/backends/webgpu/attention/attention-shape.ts';
import { pagedAttentionShader } from '../../../src/backends/webgpu/attention/paged-attention.ts';
import {
  type AttentionKernel,
  attentionFault,
  attentionKernel,
} from '../../../src/backends/webgpu/attention/prove-attention.ts';
import { TILE } from '../../../src/backends/webgpu/attention/work-list.ts';
import { shadersOf } from '../../../src/backends/webgpu/kernel-set.ts';
import { attentionKey, portableParts, tuneAttention } from '../../../src/backends/webgpu/tune-attention.ts';
import { tinyConfig } from '../../support/tiny-model.ts';
import { softwareGpu } from './software-gpu.ts';

const gpu = softwareGpu();

/** Of so many dimensions that SwiftShader's few lanes take several turns. */
const SHAPE: AttentionShape = { dtype: 'f16', heads: 4, kvHeads: 2, headDim: 32, blockSize: 16 };

/**
 * Another than the portable one: for SwiftShader's subgroups, or with fewer tokens beside each other. The one for matrix
 * units takes more workgroup memory than SwiftShader has.
 */
async function another(part: AttentionPart, shape = SHAPE): Promise<AttentionKernel> {
  if (part === 'decode') return attentionKernel(part, shape, await gpu(), false);
  return {
    shader: pagedAttentionShader({ ...shape, tokens: 3, items: 'prefills', threads: TILE }),
    tokens: 3,
  };
}

function changed({ shader, tokens }: AttentionKernel, what: string, by: string): AttentionKernel {
  const code = shader.code.replaceAll(what, by);
  expect(code).not.toBe(shader.code);
  return { shader: { ...shader, code }, tokens };
}

describe('attention kernels that are right are found so', () => {
  const shapes: AttentionShape[] = [
    SHAPE,
    { ...SHAPE, heads: 7, kvHeads: 1, headDim: 16, window: 200 },
    { ...SHAPE, kvHeads: 4, blockSize: 32 },
    { ...SHAPE, dtype: 'f32', headDim: 16 },
  ];
  test.each(shapes)('%j', async shape => {
    const decode = await another('decode', shape);
    expect(decode.shader.name).toMatch(/^subgroup-decode/);
    expect(await attentionFault(await gpu(), 'decode', shape, decode)).toBeUndefined();
    expect(
      await attentionFault(await gpu(), 'prefill', shape, await another('prefill', shape)),
    ).toBeUndefined();
  });
});

describe('what is wrong with one is told', () => {
  const cases: [what: string, part: AttentionPart, code: string, wrong: string, why: RegExp][] = [
    ['the last position twice', 'decode', 'place < end && ', 'place <= end && ', /^is off by .* in row \d,/],
    ['sums that are not rescaled', 'decode', 'exp2(m0 - most)', '1.0', /^is off by .* in row 1,/],
    ['a position of the future', 'prefill', 'position <= limit0', 'position <= limit0 + 1u', /^is off by /],
    ['the keys of another head', 'prefill', '+ kv_head)', '+ 1u - kv_head)', /^is off by /],
    ['nothing stored', 'prefill', 'attended[', 'attended[0u * ', /^is off by /],
    ['one row too far', 'decode', 'token = u32(', 'token = 1u + u32(', /^is off by /],
    ['not compiled', 'decode', 'fn main(', 'fn main( {', /^does not compile \(kernel "subgroup-decode/],
  ];
  test.each(cases)('%s', async (_, part, code, wrong, why) => {
    const kernel = changed(await another(part), code, wrong);
    expect(await attentionFault(await gpu(), part, SHAPE, kernel)).toMatch(why);
  });
});

describe('what a device is given', () => {
  test('its own kernels, where they are right', async () => {
    const tuning = await tuneAttention(await gpu(), SHAPE);
    expect(tuning).toEqual({
      fastest: { [attentionKey(SHAPE)]: { 1: 'subgroup-decode', 2: 'paged-attention' } },
      refusals: [],
    });
    expect(portableParts(tuning, SHAPE)).toEqual(['prefill']);
    expect(portableParts(tuning, { ...SHAPE, window: 7 })).toEqual([]);
  });

  test('the portable one for what is wrong, which is named', async () => {
    const own = await another('decode');
    const wrong = changed(own, 'place < end && ', 'place <= end && ');
    const tuning = await tuneAttention(await gpu(), SHAPE, (part, ...rest) =>
      part === 'decode' ? wrong : attentionKernel(part, ...rest),
    );
    const layer = attentionKey(SHAPE);
    expect(tuning).toEqual({
      fastest: { [layer]: { 1: 'paged-attention', 2: 'paged-attention' } },
      refusals: [{ variant: 'subgroup-decode', layer, rows: 5, why: expect.stringMatching(/^is off by/) }],
    });
    const portable = portableParts(tuning, SHAPE);
    const config = tinyConfig({ heads: 4, kvHeads: 2, headDim: 32 });
    const options = { config, dtype: 'f16', blockSize: 16 } as const;
    const { traits } = await gpu();
    expect(shadersOf(options, traits).decode.name).toMatch(/^subgroup-decode/);
    expect(shadersOf({ ...options, portable }, traits).decode.name).toMatch(/^paged-attention/);
  });
});
