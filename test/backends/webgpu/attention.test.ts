import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type AttentionShape,
  groupsPerItem,
  headGroup,
  prefillTokens,
} from '../../../src/backends/webgpu/attention/attention-shape.ts';
import { pagedAttentionShader } from '../../../src/backends/webgpu/attention/paged-attention.ts';
import {
  decodesBySubgroup,
  subgroupDecodeShader,
} from '../../../src/backends/webgpu/attention/subgroup-decode.ts';
import { AttentionPlanner, TILE } from '../../../src/backends/webgpu/attention/work-list.ts';
import { stepUpload } from '../../../src/backends/webgpu/step-upload.ts';
import { attentionError } from './attention-error.ts';
import { batchOf, type TestSequence } from './batches.ts';
import { noise } from './naive.ts';
import { kernelCache, runKernels } from './run-kernel.ts';
import { softwareGpu } from './software-gpu.ts';

const gpu = softwareGpu();
const compiled = kernelCache(gpu);

/** Every way in which heads are shared, odd dimensions, block sizes, windows. */
const SHAPES: readonly AttentionShape[] = [
  { dtype: 'f32', heads: 4, kvHeads: 2, headDim: 8, blockSize: 16 },
  { dtype: 'f16', heads: 3, kvHeads: 3, headDim: 24, blockSize: 16, window: 40 },
  { dtype: 'f32', heads: 20, kvHeads: 2, headDim: 16, blockSize: 4, window: 7 },
  { dtype: 'f16', heads: 7, kvHeads: 1, headDim: 64, blockSize: 32 },
  { dtype: 'f16', heads: 8, kvHeads: 2, headDim: 32, blockSize: 16, window: 300 },
  { dtype: 'f16', heads: 4, kvHeads: 4, headDim: 16, blockSize: 16 },
];

/** Rows as (tokens already computed, tokens of this step): decodes, prefills, chunks, prefix hits. */
const rowsArbitrary = fc.array(
  fc.oneof(
    fc.record({ computed: fc.integer({ min: 0, max: 700 }), count: fc.constant(1) }),
    fc.record({ computed: fc.integer({ min: 0, max: 300 }), count: fc.integer({ min: 2, max: 20 }) }),
  ),
  { minLength: 1, maxLength: 4 },
);

const portable = SHAPES.map(shape => {
  const tokensPerItem = prefillTokens(shape);
  const kernel = (items: 'decodes' | 'prefills') =>
    pagedAttentionShader({
      ...shape,
      items,
      tokens: items === 'decodes' ? 1 : tokensPerItem,
      threads: TILE,
    });
  return { shape, decode: kernel('decodes'), prefill: kernel('prefills'), tokensPerItem };
});

/** SwiftShader has subgroups of 4. */
const bySubgroup = portable
  .filter(({ shape }) => decodesBySubgroup(shape, { subgroupSize: 4 }))
  .map(kernels => ({
    ...kernels,
    decode: subgroupDecodeShader({ ...kernels.shape, subgroupSize: 4, threads: 64 }),
  }));

for (const kernels of [...portable, ...bySubgroup]) {
  const { dtype, window } = kernels.shape;
  test(`${kernels.decode.name}, window ${window ?? 'none'}`, async () => {
    let split = 0;
    const check = async (given: readonly { computed: number; count: number }[], seed: number) => {
      const { error, merges } = await attentionError(await gpu(), kernels, given, seed, compiled);
      split += merges;
      expect(error).toBeLessThan(dtype === 'f16' ? 2e-3 : 2e-5);
    };
    await fc.assert(fc.asyncProperty(rowsArbitrary, fc.nat(), check), {
      numRuns: 4,
      examples: [
        [[{ computed: 600, count: 1 }], 1],
        [
          [
            { computed: 0, count: 1 },
            { computed: 530, count: 9 },
            { computed: 0, count: 19 },
          ],
          2,
        ],
      ],
    });
    // With a window no range is long enough to be split.
    if (window === undefined) expect(split).toBeGreaterThan(0);
  });
}

test('what was never written is never multiplied: no number in a block beyond the context does harm', async () => {
  const shape: AttentionShape = { dtype: 'f32', heads: 4, kvHeads: 2, headDim: 8, blockSize: 16 };
  const sequence: TestSequence = { tokens: Array(21).fill(0), blocks: [1, 0], computed: 20 };
  const step = stepUpload(
    batchOf([{ sequence, count: 1 }], 16),
    new AttentionPlanner(shape, prefillTokens(shape), 64),
  );
  const cache = new Float32Array(2 * 2 * 16 * 8).fill(Number.NaN);
  for (let position = 0; position < 21; position++) {
    for (let head = 0; head < 2; head++) {
      const block = position < 16 ? 1 : 0;
      const begin = ((block * 2 + head) * 16 + (position % 16)) * 8;
      cache.fill(0.5, begin, begin + 8);
    }
  }
  const buffers = {
    step: step.uniform,
    batch: step.words,
    queries: noise(1, 32),
    keys: cache,
    values: cache,
    attended: 128,
    partials: 16,
    partial_stats: 16,
  };
  const shader = pagedAttentionShader({ ...shape, items: 'decodes', tokens: 1, threads: TILE });
  const runs = [{ kernel: await compiled(shader), buffers, grid: [groupsPerItem(shape), 1, 1] as const }];
  const { attended } = await runKernels(await gpu(), runs, ['attended']);
  for (const value of new Float32Array(attended!)) expect(value).toBeCloseTo(0.5, 5);
});

test('query heads of a KV head go together as far as registers allow', () => {
  const of = (heads: number, kvHeads: number) =>
    headGroup({ dtype: 'f16', heads, kvHeads, headDim: 64, blockSize: 16 });
  expect([of(32, 32), of(32, 8), of(14, 2), of(64, 8), of(40, 4), of(22, 2)]).toEqual([1, 4, 7, 8, 5, 1]);
});
