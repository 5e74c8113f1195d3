import { toF32 } from '../model/to-f32.ts';
import type { Candidate, Refused } from './candidates.ts';
import type { GpuDevice } from './device.ts';
import { type DummyLayer, dummyLayers, outputDtype } from './dummy-layers.ts';
import { GpuMemory } from './gpu-memory.ts';
import { type Dtype, formatOf } from './kernels/storage.ts';
import { columnsOf, type LinearOp, ROW_PADDING } from './linear/linear-op.ts';
import { ReadbackRing } from './readback-ring.ts';

/**
 * How far from the portable kernel a value may be, as a share of the largest. In f16 every kernel was within 4.1e-4 of
 * sums in f64 (docs/kernels.md), so that two right ones are within 8.2e-4 of each other; a sum that lacks one of
 * 4096 terms is off by several times the bound. In f32 only sums are rounded.
 */
const BOUND: Readonly<Record<Dtype, number>> = { f16: 2e-3, f32: 1e-4 };

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
    const proven: Candidate[] = [];
    const refused: Refused[] = [];
    for (const candidate of ready) {
      const found =
        candidate === portable ? expected : await answer(gpu, ring, op, layer!, candidate, sampled);
      const why = difference(found, expected, BOUND[op.dtype], columnsOf(op), sampled);
      if (why === undefined) proven.push(candidate);
      else refused.push({ variant: candidate.variant, why });
    }
    return { proven, refused };
  } finally {
    ring.destroy();
    memory.destroy();
  }
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

/** In words, where it is more than the bound. */
function difference(
  found: Float32Array,
  expected: Float32Array,
  bound: number,
  columns: number,
  sampled: readonly number[],
): string | undefined {
  let largest = 0;
  let most = 0;
  let at = 0;
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]!));
    const off = Math.abs(found[i]! - expected[i]!);
    // Of two that are no numbers neither is right.
    if (off <= most) continue;
    most = Number.isNaN(off) ? Number.POSITIVE_INFINITY : off;
    at = i;
    if (most === Number.POSITIVE_INFINITY) break;
  }
  if (most <= bound * largest) return undefined;
  const place = `in row ${sampled[Math.floor(at / columns)]!}, column ${at % columns}`;
  if (most === Number.POSITIVE_INFINITY) return `is no number ${place}`;
  return `is off by ${(most / largest).toPrecision(2)} of the largest value ${place}`;
}
