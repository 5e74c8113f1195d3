import { toF32 } from '../../model/to-f32.ts';
import { compileFault } from '../candidates.ts';
import type { GpuDevice } from '../device.ts';
import { difference } from '../difference.ts';
import { GpuMemory } from '../gpu-memory.ts';
import { Kernel } from '../kernel.ts';
import type { Shader } from '../kernels/shader.ts';
import { formatOf } from '../kernels/storage.ts';
import { ROW_PADDING } from '../linear/linear-op.ts';
import { ReadbackRing } from '../readback-ring.ts';
import { type StepUpload, stepUpload } from '../step-upload.ts';
import { USAGE } from '../usage.ts';
import { type AttentionPart, decodeShader, prefillShader, tokensPerPrefill } from './attention-kernels.ts';
import { type AttentionShape, groupsPerItem } from './attention-shape.ts';
import { mergeShader } from './merge.ts';
import { blocksOf, type NoiseRow, noiseHalves, noiseRows } from './noise-rows.ts';
import { AttentionPlanner } from './work-list.ts';

/** Lengths that fill no tile: long ones are split, in short ones a single position shows. Chunks begin anywhere. */
const ROWS: Readonly<Record<AttentionPart, readonly NoiseRow[]>> = {
  decode: [
    { computed: 0, count: 1 },
    { computed: 777, count: 1 },
    { computed: 127, count: 1 },
    { computed: 9, count: 1 },
    { computed: 18, count: 1 },
  ],
  prefill: [
    { computed: 0, count: 150 },
    { computed: 530, count: 33 },
  ],
};

/** A kernel for one of the parts. */
export interface AttentionKernel {
  readonly shader: Shader;
  /** Of an item of its work. */
  readonly tokens: number;
}

/** The device's fastest kernel, or the portable one. */
export function attentionKernel(
  part: AttentionPart,
  shape: AttentionShape,
  { traits }: GpuDevice,
  portable: boolean,
): AttentionKernel {
  if (part === 'decode') return { shader: decodeShader(shape, traits, portable), tokens: 1 };
  return {
    shader: prefillShader(shape, traits, portable),
    tokens: tokensPerPrefill(shape, traits, portable),
  };
}

/** Tokens that it is tried on. */
export function triedTokens(part: AttentionPart): number {
  return ROWS[part].reduce((sum, { count }) => sum + count, 0);
}

/**
 * Compares a kernel with the portable one, over queries, keys and values of noise.
 * @returns what is wrong with it, as the end of a sentence about it; undefined where it is right.
 */
export async function attentionFault(
  gpu: GpuDevice,
  part: AttentionPart,
  shape: AttentionShape,
  kernel: AttentionKernel,
): Promise<string | undefined> {
  const memory = new GpuMemory(gpu);
  const ring = new ReadbackRing(gpu);
  try {
    const tokens = triedTokens(part);
    const width = shape.heads * shape.headDim;
    const inputs = await noiseInputs(gpu, memory, part, shape);
    const answer = async ({ shader, tokens: perItem }: AttentionKernel) =>
      await attended(gpu, memory, ring, part, shape, await Kernel.compile(gpu, shader), perItem, inputs);
    const expected = await answer(attentionKernel(part, shape, gpu, true));
    const refused = await compileFault(gpu, kernel.shader);
    if (refused !== undefined) return refused;
    const found = await answer(kernel);
    // With the row after the last, which must be as it was.
    const rows = Array.from({ length: tokens + 1 }, (_, row) => row);
    return difference(found, expected, shape.dtype, width, rows);
  } finally {
    ring.destroy();
    memory.destroy();
  }
}

type Inputs = Readonly<Record<'queries' | 'keys' | 'values', GPUBuffer>>;

async function noiseInputs(
  gpu: GpuDevice,
  memory: GpuMemory,
  part: AttentionPart,
  { dtype, heads, kvHeads, headDim, blockSize }: AttentionShape,
): Promise<Inputs> {
  const filled = async (name: string, halves: Uint16Array<ArrayBuffer>) => {
    const bytes = new Uint8Array(halves.buffer);
    const contents = dtype === 'f16' ? halves : toF32({ dtype: 'F16', shape: [halves.length], bytes });
    const buffer = await memory.allocate(`proof: ${name}`, contents.byteLength);
    gpu.device.queue.writeBuffer(buffer, 0, contents as Uint16Array<ArrayBuffer>);
    return buffer;
  };
  const rows = Math.ceil((triedTokens(part) + 1) / ROW_PADDING) * ROW_PADDING;
  const blocks = 1 + ROWS[part].reduce((sum, row) => sum + blocksOf(row, blockSize), 0);
  const kv = blocks * kvHeads * blockSize * headDim;
  return {
    // Every other token's are four times as large: its softmax has a few large terms, found one after the other.
    queries: await filled('queries', noiseHalves(rows * heads * headDim, 1, 2 * heads * headDim)),
    keys: await filled('keys', noiseHalves(kv, 2)),
    values: await filled('values', noiseHalves(kv, 3)),
  };
}

/** What it makes of the noise: [tokens + 1, heads × head dimension]. */
async function attended(
  gpu: GpuDevice,
  memory: GpuMemory,
  ring: ReadbackRing,
  part: AttentionPart,
  shape: AttentionShape,
  kernel: Kernel,
  tokens: number,
  inputs: Inputs,
): Promise<Float32Array> {
  const { dtype, heads, headDim, blockSize, window } = shape;
  const merge = await Kernel.compile(gpu, mergeShader(shape));
  // So few workgroups wanted that long ranges are split.
  const planner = new AttentionPlanner(shape, tokens, 3 * groupsPerItem(shape));
  const step = stepUpload(noiseRows(ROWS[part], blockSize, window), planner);
  const buffers = { ...inputs, ...(await workBuffers(gpu, memory, shape, step, planner)) };
  const { tokens: count, decodes, prefills, merges } = step.counts;
  const encoder = gpu.device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  const items = part === 'decode' ? decodes : prefills;
  kernel.dispatch(pass, 0, () => buffers, [groupsPerItem(shape), items, 1]);
  merge.dispatch(pass, 0, () => buffers, [heads, merges, 1]);
  pass.end();
  const values = (count + 1) * heads * headDim;
  const bytes = values * formatOf(dtype).bytes;
  const readback = ring.take(bytes);
  encoder.copyBufferToBuffer(buffers.attended, 0, readback.buffer, 0, bytes);
  gpu.device.queue.submit([encoder.finish()]);
  const as = dtype === 'f16' ? 'F16' : 'F32';
  return await readback.read(data =>
    toF32({ dtype: as, shape: [values], bytes: new Uint8Array(data, 0, bytes) }),
  );
}

/** Fresh ones, and so zeroed. */
async function workBuffers(
  { device }: GpuDevice,
  memory: GpuMemory,
  { heads, headDim }: AttentionShape,
  { words, uniform, counts }: StepUpload,
  { maxPartials }: AttentionPlanner,
) {
  const buffers = {
    step: await memory.allocate('proof: step', uniform.byteLength, USAGE.uniform),
    batch: await memory.allocate('proof: batch', words.byteLength),
    attended: await memory.allocate('proof: attended', (counts.tokens + ROW_PADDING) * heads * headDim * 4),
    partials: await memory.allocate('proof: partials', maxPartials * heads * headDim * 4),
    partial_stats: await memory.allocate('proof: partial stats', maxPartials * heads * 8),
  };
  device.queue.writeBuffer(buffers.step, 0, uniform);
  device.queue.writeBuffer(buffers.batch, 0, words as Int32Array<ArrayBuffer>);
  return buffers;
}
