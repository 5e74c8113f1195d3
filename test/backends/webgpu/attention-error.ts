import {
  type AttentionShape,
  groupsPerItem,
} from '../../../src/backends/webgpu/attention/attention-shape.ts';
import { mergeShader } from '../../../src/backends/webgpu/attention/merge.ts';
import { AttentionPlanner } from '../../../src/backends/webgpu/attention/work-list.ts';
import type { GpuDevice } from '../../../src/backends/webgpu/device.ts';
import { Kernel } from '../../../src/backends/webgpu/kernel.ts';
import type { Shader } from '../../../src/backends/webgpu/kernels/shader.ts';
import { stepUpload } from '../../../src/backends/webgpu/step-upload.ts';
import { batchOf, type TestRow, type TestSequence } from './batches.ts';
import { naiveAttention, noise, relativeError } from './naive.ts';
import { loaded, rounded, runKernels, stored } from './run-kernel.ts';

export interface AttentionKernels {
  readonly shape: AttentionShape;
  readonly decode: Shader;
  readonly prefill: Shader;
  /** Of a prefill. */
  readonly tokensPerItem: number;
}

/** Runs decodes and prefills of random numbers, and says how far they are from the plain sum in f64. */
export async function attentionError(
  gpu: GpuDevice,
  { shape, decode, prefill, tokensPerItem }: AttentionKernels,
  given: readonly { computed: number; count: number }[],
  seed: number,
  compiled: (shader: Shader) => Promise<Kernel> = shader => Kernel.compile(gpu, shader),
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
  const planner = new AttentionPlanner(shape, tokensPerItem, 3 * groupsPerItem(shape));
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
  const groups = groupsPerItem(shape);
  const runs = [
    { kernel: await compiled(decode), buffers, grid: [groups, decodes, 1] as const },
    { kernel: await compiled(prefill), buffers, grid: [groups, prefills, 1] as const },
    { kernel: await compiled(mergeShader(shape)), buffers, grid: [heads, merges, 1] as const },
  ];
  const { attended } = await runKernels(gpu, runs, ['attended']);
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
