import type { ModelConfig } from '../../src/backends/model/config.ts';
import { candidates } from '../../src/backends/webgpu/candidates.ts';
import type { GpuDevice } from '../../src/backends/webgpu/device.ts';
import { linearOps } from '../../src/backends/webgpu/kernel-set.ts';
import { LINEAR_VARIANTS } from '../../src/backends/webgpu/linear/linear-variants.ts';
import { measureVariants, type VariantTime, warmUp } from '../../src/backends/webgpu/tune.ts';
import { SWEEP_VARIANTS } from './gpu-sweep-variants.ts';

export interface SweepResult {
  readonly op: string;
  readonly rows: number;
  readonly times: readonly (VariantTime & { readonly bytesPerSecond: number; readonly flops: number })[];
}

/** Every variant of every layer, those that were tried and dropped included. */
export async function sweep(
  gpu: GpuDevice,
  config: ModelConfig,
  rowCounts: readonly number[],
  now: () => number,
): Promise<readonly SweepResult[]> {
  const results: SweepResult[] = [];
  const known = new Set(LINEAR_VARIANTS.map(({ name }) => name));
  const variants = [...LINEAR_VARIANTS, ...SWEEP_VARIANTS.filter(({ name }) => !known.has(name))];
  for (const op of linearOps({ config, dtype: 'f16', blockSize: 16 })) {
    for (const rows of rowCounts) {
      if (op.rows === 'outputs' && rows > 256) continue;
      const portable = rows > 16 ? variants.filter(({ name }) => !name.startsWith('tiled')) : variants;
      const { ready } = await candidates(gpu, op, rows, portable);
      await warmUp(gpu, now);
      const times = await measureVariants(gpu, op, rows, ready, now);
      const bytes = op.inputs * op.outputs * 2;
      results.push({
        op: op.name,
        rows,
        times: times.map(time => ({
          ...time,
          bytesPerSecond: bytes / time.seconds,
          flops: (bytes * rows) / time.seconds,
        })),
      });
    }
  }
  return results;
}
