import { type Bytes, MiB } from '../../core/units.ts';
import type { GpuDevice } from './device.ts';
import { DummyWeights } from './dummy-weights.ts';
import type { GpuMemory } from './gpu-memory.ts';
import { STEP_WORDS, stepUniform } from './kernels/step-layout.ts';
import { type Dtype, formatOf } from './kernels/storage.ts';
import { columnsOf, type LinearOp, ROW_PADDING } from './linear/linear-op.ts';
import { USAGE } from './usage.ts';

/** Weights are taken in turn from so many bytes: caches hold less, as they do between layers of a model. */
const ROTATION: Bytes = 192 * MiB;

/** What linear variants bind, by its name in their shaders, and a row of noise as long as one of `y`. */
export type DummyLayer = Readonly<
  Record<'step' | 'x' | 'weights' | 'y' | 'bias' | 'scratch' | 'noise', GPUBuffer>
>;

/** How Y is stored. */
export function outputDtype({ dtype, epilogue }: LinearOp): Dtype {
  return epilogue === 'residual' || epilogue === 'logits' ? 'f32' : dtype;
}

/** Enough layers that none is found in a cache, on the same inputs. */
export function rotatedLayers({ dtype, inputs, outputs }: LinearOp): number {
  return Math.max(1, Math.min(8, Math.ceil(ROTATION / (outputs * inputs * formatOf(dtype).bytes))));
}

/** Layers of noise that share all but their weights. Sums are of about one, so that f16 is precise of all of them. */
export async function dummyLayers(
  gpu: GpuDevice,
  memory: GpuMemory,
  op: LinearOp,
  rows: number,
  scratch: Bytes,
  count: number,
): Promise<readonly DummyLayer[]> {
  const { dtype, inputs, outputs } = op;
  const columns = columnsOf(op);
  const padded = Math.ceil(rows / ROW_PADDING) * ROW_PADDING;
  const noise = new DummyWeights(gpu, memory);
  /** Of the variance 1 / width. */
  const filled = async (label: string, values: number, width: number, as: Dtype = dtype) => {
    const height = Math.ceil(values / width);
    const buffer = await memory.allocate(`tuning: ${label}`, height * width * formatOf(as).bytes);
    await noise.upload(label, [height, width], { buffer, dtype: as, width });
    return buffer;
  };
  const shared = {
    step: await memory.allocate('tuning: step', STEP_WORDS * 4, USAGE.uniform),
    x: await filled('x', padded * inputs, 8),
    y: await memory.allocate('tuning: y', padded * columns * 4),
    bias: await filled('bias', outputs, 8, 'f32'),
    scratch: await memory.allocate('tuning: scratch', scratch),
    noise: await filled('noise', columns, 8, outputDtype(op)),
  };
  gpu.device.queue.writeBuffer(shared.step, 0, stepUniform({ [op.rows]: rows }));
  const layers: DummyLayer[] = [];
  for (let i = 0; i < count; i++)
    layers.push({ ...shared, weights: await filled('weights', outputs * inputs, inputs) });
  noise.finish();
  return layers;
}
