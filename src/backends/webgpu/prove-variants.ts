import { UsageError } from '../../core/errors.ts';
import { toF32 } from '../model/to-f32.ts';
import type { Candidate, Refused } from './candidates.ts';
import type { GpuDevice } from './device.ts';
import { difference } from './difference.ts';
import { type DummyLayer, dummyLayers, outputDtype } from './dummy-layers.ts';
import { GpuMemory } from './gpu-memory.ts';
import { formatOf } from './kernels/storage.ts';
import { columnsOf, type LinearOp, ROW_PADDING } from './linear/linear-op.ts';
import { PORTABLE } from './linear/linear-variants.ts';
import { portableFault } from './prove-portable.ts';
import { ReadbackRing } from './readback-ring.ts';

/** All of the first rows are read back, for nearly all steps have no more. */
const FIRST_ROWS = 32;
/**
 * And of the others one in so many: matrices have 16 rows, of which each then shows another. The last row and the one
 * after it, which no kernel may touch, are read in any case.
 */
const ROW_STEP = 17;

export interface Proof {
  readonly proven: readonly Candidate[];
  readonly refused: readonly Refused[];
}

/**
 * Computes one layer of noise with each candidate, and compares it with what the portable kernel makes of it: all
 * columns of some rows. Nothing of one candidate is left for the next to find.
 * @param rows best no whole number of tiles.
 * @throws UsageError when the portable kernel itself is wrong.
 */
export async function proveVariants(
  gpu: GpuDevice,
  op: LinearOp,
  rows: number,
  ready: readonly Candidate[],
  portable: Candidate,
): Promise<Proof> {
  const memory = new GpuMemory(gpu);
  const ring = new ReadbackRing(gpu);
  try {
    const scratch = Math.max(0, ...ready.map(entry => entry.scratch));
    const [layer] = await dummyLayers(gpu, memory, op, rows, scratch, 1);
    const sampled = sampledRows(rows);
    const expected = await answer(gpu, ring, op, layer!, portable, sampled);
    const fault = await portableFault(
      gpu,
      ring,
      op,
      layer!,
      rows,
      (row, column) => expected[sampled.indexOf(row) * columnsOf(op) + column]!,
    );
    if (fault !== undefined) throw unprovable(gpu, op, fault);
    const proven: Candidate[] = [];
    const refused: Refused[] = [];
    for (const candidate of ready) {
      const found =
        candidate === portable ? expected : await answer(gpu, ring, op, layer!, candidate, sampled);
      const why = difference(found, expected, op.dtype, columnsOf(op), sampled);
      if (why === undefined) proven.push(candidate);
      else refused.push({ variant: candidate.variant, why });
    }
    return { proven, refused };
  } finally {
    ring.destroy();
    memory.destroy();
  }
}

/** Of a device whose portable kernel is of no use. @param why the end of a sentence about it. */
export function unprovable({ name }: GpuDevice, op: LinearOp, why: string): UsageError {
  return new UsageError(
    `the kernels of ${op.name} cannot be proven on ${name}, as ${PORTABLE.name}, which they are compared with, ` +
      `${why}: update its driver, or do without tuning, which takes them as they are`,
  );
}

function sampledRows(rows: number): readonly number[] {
  const all = Array.from({ length: rows }, (_, row) => row);
  const sampled = all.filter(row => row < FIRST_ROWS || row % ROW_STEP === 0 || row === rows - 1);
  return rows % ROW_PADDING === 0 ? sampled : [...sampled, rows];
}

/** The sampled rows of Y, which were noise before: a residual is added to them. */
async function answer(
  { device }: GpuDevice,
  ring: ReadbackRing,
  op: LinearOp,
  layer: DummyLayer,
  { kernels, grids }: Candidate,
  sampled: readonly number[],
): Promise<Float32Array> {
  const dtype = outputDtype(op);
  const bytes = columnsOf(op) * formatOf(dtype).bytes;
  const encoder = device.createCommandEncoder();
  for (const row of sampled) encoder.copyBufferToBuffer(layer.noise, 0, layer.y, row * bytes, bytes);
  encoder.clearBuffer(layer.scratch);
  const pass = encoder.beginComputePass();
  for (const [i, kernel] of kernels.entries()) {
    kernel.forgetBuffers();
    kernel.dispatch(pass, 0, () => layer, grids[i]!);
    kernel.forgetBuffers();
  }
  pass.end();
  const readback = ring.take(sampled.length * bytes);
  for (const [i, row] of sampled.entries())
    encoder.copyBufferToBuffer(layer.y, row * bytes, readback.buffer, i * bytes, bytes);
  device.queue.submit([encoder.finish()]);
  const shape = [sampled.length, columnsOf(op)];
  return await readback.read(data =>
    toF32({
      dtype: dtype === 'f16' ? 'F16' : 'F32',
      shape,
      bytes: new Uint8Array(data, 0, sampled.length * bytes),
    }),
  );
}
