import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type AttentionShape,
  groupsPerItem,
  headGroup,
  prefillTokens,
} from '../../../src/backends/webgpu/attention/attention-shape.ts';
import { mergeShader } from '../../../src/backends/webgpu/attention/merge.ts';
import { pagedAttentionShader } from '../../../src/backends/webgpu/attention/paged-attention.ts';
import { AttentionPlanner, TILE } from '../../../src/backends/webgpu/attention/work-list.ts';
import { stepUpload } from '../../../src/backends/webgpu/step-upload.ts';
import { batchOf, type TestRow, type TestSequence } from './batches.ts';
import { naiveAttention, noise, relativeError } from './naive.ts';
import { kernelCache, loaded, rounded, runKernels, stored } from './run-kernel.ts';
import { softwareGpu } from './software-gpu.ts';

const gpu = softwareGpu();
const compiled = kernelCache(gpu);

/** Every way in which heads are shared, odd dimensions, block sizes, windows. */
const SHAPES: readonly AttentionShape[] = [
  { dtype: 'f32', heads: 4, kvHeads: 2, headDim: 8, blockSize: 16 },
  { dtype: 'f16', heads: 3, kvHeads: 3, headDim: 24, blockSize: 16, window: 40 },
  { dtype: 'f32', heads: 20, kvHeads: 2, headDim: 16, blockSize: 4, window: 7 },
  { dtype: 'f16', heads: 7, kvHeads: 1, headDim: 64, blockSize: 32 },
];

/** Rows as (tokens already computed, tokens of this step): decodes, prefills, chunks, prefix hits. */
const rowsArbitrary = fc.array(
  fc.oneof(
    fc.record({ computed: fc.integer({ min: 0, max: 700 }), count: fc.constant(1) }),
    fc.record({ computed: fc.integer({ min: 0, max: 300 }), count: fc.integer({ min: 2, max: 20 }) }),
  ),
  { minLength: 1, maxLength: 4 },
);

for (const shape of SHAPES) {
  const { dtype, heads, kvHeads, headDim, blockSize, window } = shape;
  test(`paged attention of ${heads} heads on ${kvHeads} of ${headDim}, ${dtype}, blocks of ${blockSize}, window ${window ?? 'none'}`, async () => {
    let split = 0;
    const check = async (given: readonly { computed: number; count: number }[], seed: number) => {
      const { error, merges } = await attend(shape, given, seed);
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

async function attend(
  shape: AttentionShape,
  given: readonly { computed: number; count: number }[],
  seed: number,
): Promise<{ error: number; merges: number }> {
  const { dtype, heads, kvHeads, headDim, blockSize, window } = shape;
  const rows: TestRow[] = [];
  let blocks = 1;
  for (const { computed, count } of given) {
    const needed = Math.ceil((computed + count) / blockSize);
    // Later blocks first, and −1 where the window has passed.
    const passed = window === undefined ? 0 : Math.floor(Math.max(0, computed + 1 - window) / blockSize);
    const own = Array.from({ length: needed }, (_, i) => (i < passed ? -1 : blocks + needed - 1 - i));
    blocks += needed;
    const sequence: TestSequence = { tokens: Array(computed + count).fill(0), blocks: own, computed };
    rows.push({ sequence, count });
  }
  const batch = batchOf(rows, blockSize);
  // So few workgroups wanted that long ranges are split.
  const planner = new AttentionPlanner(shape, 3 * groupsPerItem(shape));
  const step = stepUpload(batch, planner);
  const { tokens, decodes, prefills, merges } = step.counts;
  const kvSize = blocks * kvHeads * blockSize * headDim;
  const queries = rounded(dtype, noise(seed, tokens * heads * headDim));
  const keys = rounded(
    dtype,
    noise(seed + 1, kvSize).map(x => 2 * x),
  );
  const values = rounded(dtype, noise(seed + 2, kvSize));
  const buffers = {
    step: step.uniform,
    batch: step.words,
    queries: stored(dtype, queries),
    keys: stored(dtype, keys),
    values: stored(dtype, values),
    attended: tokens * heads * headDim * 4,
    partials: planner.maxPartials * heads * headDim * 4,
    partial_stats: planner.maxPartials * heads * 8,
  };
  const kernel = (items: 'decodes' | 'prefills') =>
    pagedAttentionShader({
      ...shape,
      items,
      tokens: items === 'decodes' ? 1 : prefillTokens(shape),
      threads: TILE,
    });
  const groups = groupsPerItem(shape);
  const runs = [
    { kernel: await compiled(kernel('decodes')), buffers, grid: [groups, decodes, 1] as const },
    { kernel: await compiled(kernel('prefills')), buffers, grid: [groups, prefills, 1] as const },
    { kernel: await compiled(mergeShader(shape)), buffers, grid: [heads, merges, 1] as const },
  ];
  const { attended } = await runKernels(await gpu(), runs, ['attended']);
  const actual = loaded(dtype, attended!, tokens * heads * headDim);
  const expected: number[] = [];
  let token = 0;
  for (const [row, { count }] of given.entries()) {
    for (let i = 0; i < count; i++, token++) {
      const position = batch.positions[token]!;
      for (let head = 0; head < heads; head++) {
        const kvHead = Math.floor(head / (heads / kvHeads));
        const cached = (cache: Float32Array) =>
          Array.from({ length: position + 1 }, (_, at) => {
            const block = Math.max(0, rows[row]!.sequence.blocks[Math.floor(at / blockSize)]!);
            const begin = ((block * kvHeads + kvHead) * blockSize + (at % blockSize)) * headDim;
            return cache.subarray(begin, begin + headDim);
          });
        const query = queries.subarray(
          (token * heads + head) * headDim,
          (token * heads + head + 1) * headDim,
        );
        const start = window === undefined ? 0 : Math.max(0, position + 1 - window);
        expected.push(...naiveAttention(query, cached(keys), cached(values), start));
      }
    }
  }
  return { error: relativeError(actual, expected), merges };
}

test('what was never written is never multiplied: no number in a block beyond the context does harm', async () => {
  const shape: AttentionShape = { dtype: 'f32', heads: 4, kvHeads: 2, headDim: 8, blockSize: 16 };
  const sequence: TestSequence = { tokens: Array(21).fill(0), blocks: [1, 0], computed: 20 };
  const step = stepUpload(batchOf([{ sequence, count: 1 }], 16), new AttentionPlanner(shape, 64));
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
