import { type Bytes, MiB, type Seconds } from '../../core/units.ts';
import { measureBandwidth, passTime } from './bandwidth.ts';
import type { GpuDevice } from './device.ts';
import { DummyWeights } from './dummy-weights.ts';
import { GpuMemory } from './gpu-memory.ts';
import { Kernel } from './kernel.ts';
import type { Grid } from './kernels/shader.ts';
import { STEP_WORDS, stepUniform } from './kernels/step-layout.ts';
import { formatOf } from './kernels/storage.ts';
import { columnsOf, type LinearOp, ROW_PADDING } from './linear/linear-op.ts';
import type { LinearVariant } from './linear/linear-variant.ts';
import { LINEAR_VARIANTS, type Preference, variantBounds } from './linear/linear-variants.ts';
import { USAGE } from './usage.ts';

/** Weights are taken in turn from so many bytes: caches hold less, as they do between layers of a model. */
const ROTATION: Bytes = 192 * MiB;
/** Dispatches are repeated until a pass takes about so long: timestamps are no finer than a microsecond. */
const PASS: Seconds = 0.001;
const TURNS = 4;
const WARM_UP: Seconds = 0.3;
const WARM_UP_BYTES: Bytes = 64 * MiB;
/** Rows at which the last range, which has no end, is measured. */
const LARGE = 1024;

export interface VariantTime {
  readonly variant: string;
  readonly seconds: Seconds;
}

/** A variant made ready for one layer and a number of rows. */
export interface Candidate {
  readonly variant: LinearVariant;
  readonly kernels: readonly Kernel[];
  readonly grids: readonly Grid[];
  readonly scratch: Bytes;
}

/** The variants that can compute so many rows; those that the driver refuses are left out. */
export async function candidates(
  gpu: GpuDevice,
  op: LinearOp,
  rows: number,
  variants: readonly LinearVariant[],
): Promise<readonly Candidate[]> {
  const fits = variants.filter(
    variant => variant.minRows <= rows && rows <= variant.maxRows && variant.supports(op, gpu.traits),
  );
  const made = await Promise.all(fits.map(variant => candidate(gpu, variant, op, rows)));
  return made.filter(entry => entry !== undefined);
}

async function candidate(
  gpu: GpuDevice,
  variant: LinearVariant,
  op: LinearOp,
  rows: number,
): Promise<Candidate | undefined> {
  const passes = variant.passes(op, gpu.traits);
  try {
    return {
      variant,
      kernels: await Promise.all(passes.map(pass => Kernel.compile(gpu, pass.shader))),
      grids: passes.map(pass => pass.grid(rows)),
      scratch: Math.max(0, ...passes.map(pass => pass.scratchBytes?.(rows) ?? 0)),
    };
  } catch {
    return undefined;
  }
}

/** Keeps a GPU busy until its clock is up: one that was idle, as while kernels are compiled, is up to four times slower. */
export async function warmUp(gpu: GpuDevice, now: () => Seconds, seconds: Seconds = WARM_UP): Promise<void> {
  const end = now() + seconds;
  while (now() < end) await measureBandwidth(gpu, WARM_UP_BYTES, now);
}

/**
 * Times candidates on one layer, the fastest first. The GPU should be warm.
 * @param now a clock, for devices without timestamps.
 */
export async function measureVariants(
  gpu: GpuDevice,
  op: LinearOp,
  rows: number,
  ready: readonly Candidate[],
  now: () => Seconds,
): Promise<readonly VariantTime[]> {
  const scratch = Math.max(0, ...ready.map(entry => entry.scratch));
  const memory = new GpuMemory(gpu);
  try {
    const layers = await dummyLayers(gpu, memory, op, rows, scratch);
    const entries = ready.map(({ variant, kernels, grids }) => ({
      variant: variant.name,
      seconds: Number.POSITIVE_INFINITY,
      kernels,
      encode: (pass: GPUComputePassEncoder, count: number) => {
        for (let i = 0; i < count; i++) {
          const layer = i % layers.length;
          for (const [k, kernel] of kernels.entries())
            kernel.dispatch(pass, layer, () => layers[layer]!, grids[k]!);
        }
      },
    }));
    const least = layers.length;
    // In turns and the shortest of each, so that what slows the GPU for a while slows no variant alone.
    for (let turn = 0; turn < TURNS; turn++) {
      for (const entry of entries) {
        const count = Number.isFinite(entry.seconds)
          ? Math.max(least, Math.min(256, Math.ceil(PASS / entry.seconds)))
          : least;
        const seconds = (await passTime(gpu, pass => entry.encode(pass, count), now)) / count;
        entry.seconds = Math.min(entry.seconds, seconds);
      }
    }
    gpu.check();
    for (const { kernels } of entries) for (const kernel of kernels) kernel.forgetBuffers();
    return entries
      .map(({ variant, seconds }) => ({ variant, seconds }))
      .sort((a, b) => a.seconds - b.seconds);
  } finally {
    memory.destroy();
  }
}

async function dummyLayers(gpu: GpuDevice, memory: GpuMemory, op: LinearOp, rows: number, scratch: number) {
  const { dtype, inputs, outputs } = op;
  const { bytes } = formatOf(dtype);
  const padded = Math.ceil(rows / ROW_PADDING) * ROW_PADDING;
  const noise = new DummyWeights(gpu, memory);
  const filled = async (label: string, height: number) => {
    const buffer = await memory.allocate(label, height * inputs * bytes);
    await noise.upload(label, [height, inputs], { buffer, dtype, width: inputs });
    return buffer;
  };
  const shared = {
    step: await memory.allocate('tuning: step', STEP_WORDS * 4, USAGE.uniform),
    x: await filled('tuning: x', padded),
    y: await memory.allocate('tuning: y', padded * columnsOf(op) * 4),
    bias: await memory.allocate('tuning: bias', outputs * 4),
    scratch: await memory.allocate('tuning: scratch', scratch),
  };
  gpu.device.queue.writeBuffer(shared.step, 0, stepUniform({ [op.rows]: rows }));
  const copies = Math.max(1, Math.min(8, Math.ceil(ROTATION / (outputs * inputs * bytes))));
  const layers: Record<string, GPUBuffer>[] = [];
  for (let i = 0; i < copies; i++)
    layers.push({ ...shared, weights: await filled('tuning: weights', outputs) });
  noise.finish();
  return layers;
}

/** Fastest variants by layer and by the least number of rows of a range; what is remembered between runs. */
export type Tuning = Readonly<Record<string, Readonly<Record<number, string>>>>;

/** What a choice depends on, of a layer. */
export function tuningKey({ dtype, inputs, outputs, epilogue, bias }: LinearOp): string {
  return `${dtype} ${outputs}x${inputs} ${epilogue}${bias ? ' bias' : ''}`;
}

/**
 * Measures every layer in every range of rows in which there is a choice.
 * @param maxRows of a step: ranges beyond are left out.
 */
export async function tune(
  gpu: GpuDevice,
  ops: readonly LinearOp[],
  maxRows: number,
  now: () => Seconds,
): Promise<Tuning> {
  const bounds = variantBounds().filter(least => least <= maxRows);
  const ranges = ops.flatMap(op =>
    bounds.map((least, i) => ({ op, least, rows: Math.min((bounds[i + 1] ?? LARGE + 1) - 1, maxRows) })),
  );
  // All of them before the first is timed: the GPU must not fall idle in between.
  const made = await Promise.all(
    ranges.map(async range => ({
      ...range,
      ready: await candidates(gpu, range.op, range.rows, LINEAR_VARIANTS),
    })),
  );
  await warmUp(gpu, now);
  const tuning: Record<string, Record<number, string>> = {};
  for (const { op, least, rows, ready } of made) {
    if (ready.length < 2) continue;
    const [fastest] = await measureVariants(gpu, op, rows, ready, now);
    (tuning[tuningKey(op)] ??= {})[least] = fastest!.variant;
  }
  return tuning;
}

/** Answers with what was measured. */
export function preferenceOf(tuning: Tuning): Preference {
  return (op, rows) => tuning[tuningKey(op)]?.[rows];
}
