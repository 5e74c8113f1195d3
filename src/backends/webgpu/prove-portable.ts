import { toF32 } from '../model/to-f32.ts';
import type { GpuDevice } from './device.ts';
import { difference } from './difference.ts';
import { type DummyLayer, outputDtype } from './dummy-layers.ts';
import { type Dtype, formatOf } from './kernels/storage.ts';
import { columnsOf, type LinearOp } from './linear/linear-op.ts';
import type { ReadbackRing } from './readback-ring.ts';

/** Columns that are looked at, in the first row and in the last. */
const PICKS = 16;

/**
 * Compares some values of the portable kernel's answer with sums in f64 on the CPU: what all others are compared with
 * must be right itself.
 * @param answer its value in a row and a column.
 * @returns what is wrong with it, as the end of a sentence about it; undefined where it is right.
 */
export async function portableFault(
  gpu: GpuDevice,
  ring: ReadbackRing,
  op: LinearOp,
  layer: DummyLayer,
  rows: number,
  answer: (row: number, column: number) => number,
): Promise<string | undefined> {
  const { dtype, inputs, outputs, epilogue } = op;
  const columns = columnsOf(op);
  const wide = outputs / columns;
  const picked = Array.from({ length: PICKS }, (_, i) => Math.floor((i * (columns - 1)) / (PICKS - 1)));
  const looked = [...new Set([0, rows - 1])];
  const values = (buffer: GPUBuffer, as: Dtype, first: number, count: number) =>
    readValues(gpu, ring, buffer, as, first, count);
  const bias = op.bias ? await values(layer.bias, 'f32', 0, outputs) : undefined;
  const before = await values(layer.noise, outputDtype(op), 0, columns);
  const inRows = await Promise.all(looked.map(row => values(layer.x, dtype, row * inputs, inputs)));
  const weights = await Promise.all(
    picked.map(column => values(layer.weights, dtype, column * wide * inputs, wide * inputs)),
  );
  const found: number[] = [];
  const expected: number[] = [];
  for (const [p, column] of picked.entries()) {
    for (const [i, x] of inRows.entries()) {
      const sum = (o: number) => {
        let total = bias?.[column * wide + o] ?? 0;
        for (let k = 0; k < inputs; k++) total += x[k]! * weights[p]![o * inputs + k]!;
        return total;
      };
      const gate = sum(0);
      const value = epilogue === 'swiglu' ? (gate / (1 + Math.exp(-gate))) * sum(1) : gate;
      found.push(answer(looked[i]!, column));
      expected.push(epilogue === 'residual' ? value + before[column]! : value);
    }
  }
  const rowOf = picked.flatMap(() => looked);
  const why = difference(Float32Array.from(found), Float32Array.from(expected), dtype, 1, rowOf);
  // Each value stands alone, and not in a column of its own.
  return why?.replace(/, column 0$/, '');
}

async function readValues(
  { device }: GpuDevice,
  ring: ReadbackRing,
  buffer: GPUBuffer,
  as: Dtype,
  first: number,
  count: number,
): Promise<Float32Array> {
  const size = formatOf(as).bytes;
  const readback = ring.take(count * size);
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, first * size, readback.buffer, 0, count * size);
  device.queue.submit([encoder.finish()]);
  return await readback.read(data =>
    toF32({
      dtype: as === 'f16' ? 'F16' : 'F32',
      shape: [count],
      bytes: new Uint8Array(data, 0, count * size),
    }),
  );
}
