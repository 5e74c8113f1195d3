import { type Bytes, MiB, type Seconds } from '../../core/units.ts';
import { measureBandwidth, passTime } from './bandwidth.ts';
import { type Candidate, candidates, type Refused } from './candidates.ts';
import type { GpuDevice } from './device.ts';
import { dummyLayers, rotatedLayers } from './dummy-layers.ts';
import { GpuMemory } from './gpu-memory.ts';
import type { LinearOp } from './linear/linear-op.ts';
import type { LinearVariant } from './linear/linear-variant.ts';
import { LINEAR_VARIANTS, PORTABLE, type Preference, variantBounds } from './linear/linear-variants.ts';
import { proveVariants, unprovable } from './prove-variants.ts';

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
    const layers = await dummyLayers(gpu, memory, op, rows, scratch, rotatedLayers(op));
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

/** What was found out about layers on a device; what is remembered between runs. */
export interface Tuning {
  /** Fastest variants by layer and by the least number of rows of a range. */
  readonly fastest: Readonly<Record<string, Readonly<Record<number, string>>>>;
  /** Variants that are left out. */
  readonly refusals: readonly Refusal[];
}

/** Rows that layers have in a step at most: all tokens, or those whose logits are wanted. */
export type MostRows = Readonly<Record<LinearOp['rows'], number>>;

/** A variant that does not do what it should on this device. */
export interface Refusal {
  readonly variant: string;
  /** As `tuningKey` has it. */
  readonly layer: string;
  /** Of the layer that it was tried on. */
  readonly rows: number;
  /** The end of a sentence about the variant. */
  readonly why: string;
}

/** What a choice depends on, of a layer. */
export function tuningKey({ dtype, inputs, outputs, epilogue, bias }: LinearOp): string {
  return `${dtype} ${outputs}x${inputs} ${epilogue}${bias ? ' bias' : ''}`;
}

/**
 * Proves the variants of every layer in every range of rows in which there is a choice, and measures those that are
 * right.
 * @param most ranges beyond are left out.
 * @throws UsageError when what they are to be compared with does not compile, or is wrong itself.
 */
export async function tune(
  gpu: GpuDevice,
  ops: readonly LinearOp[],
  most: MostRows,
  now: () => Seconds,
  variants: readonly LinearVariant[] = LINEAR_VARIANTS,
): Promise<Tuning> {
  const bounds = variantBounds(variants);
  const ranges = ops.flatMap(op =>
    bounds
      .filter(least => least <= most[op.rows])
      .map((least, i) => ({ op, least, rows: triedRows(least, bounds[i + 1], most[op.rows]) })),
  );
  // All of them before the first is timed: the GPU must not fall idle in between.
  const made = await Promise.all(
    ranges.map(async range => ({ ...range, ...(await candidates(gpu, range.op, range.rows, variants)) })),
  );
  const fastest: Record<string, Record<number, string>> = {};
  const refusals: Refusal[] = [];
  const proofs = [];
  for (const { op, least, rows, ready, refused } of made) {
    // Without a choice; one of the others is faster, or all are refused.
    (fastest[tuningKey(op)] ??= {})[least] = PORTABLE.name;
    if (ready.length + refused.length < 2) continue;
    const portable = ready.find(isPortable);
    if (!portable) throw unprovable(gpu, op, refused.find(isPortable)?.why ?? 'is missing');
    const proof = await proveVariants(gpu, op, rows, ready, portable);
    const all = [...refused, ...proof.refused];
    refusals.push(
      ...all.map(({ variant, why }) => ({ variant: variant.name, layer: tuningKey(op), rows, why })),
    );
    if (proof.proven.length > 1) proofs.push({ op, least, rows, proven: proof.proven });
  }
  await warmUp(gpu, now);
  for (const { op, least, rows, proven } of proofs) {
    const [first] = await measureVariants(gpu, op, rows, proven, now);
    fastest[tuningKey(op)]![least] = first!.variant;
  }
  return { fastest, refusals };
}

/** One less than most of a range, so that no tile is full. */
function triedRows(least: number, next: number | undefined, most: number): number {
  return Math.max(least, Math.min((next ?? LARGE + 1) - 1, most) - 1);
}

function isPortable({ variant }: Candidate | Refused): boolean {
  return variant.name === PORTABLE.name;
}

/** What a user is told. @param device by name. */
export function refusalText(device: string, refusals: readonly Refusal[]): string {
  const names = new Set(refusals.map(({ variant }) => variant));
  return (
    `${device} does not compute rightly with these kernels, so that others, maybe slower, stand in for them: ` +
    `${[...names].join(', ')} (quire gpus --probe says what was found)`
  );
}

/** Whether a layer was tuned for steps of up to so many rows. */
export function isTuned({ fastest }: Tuning, op: LinearOp, most: MostRows): boolean {
  const known = fastest[tuningKey(op)];
  return variantBounds().every(least => least > most[op.rows] || known?.[least] !== undefined);
}

/** Answers with what was measured. */
export function preferenceOf({ fastest }: Tuning): Preference {
  return (op, rows) => fastest[tuningKey(op)]?.[rows];
}
