import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Seconds } from '../../core/units.ts';
import { decodeShader, prefillShader } from './attention/attention-kernels.ts';
import type { AttentionShape } from './attention/attention-shape.ts';
import type { GpuDevice } from './device.ts';
import { EPILOGUES, type LinearOp, TYPICAL } from './linear/linear-op.ts';
import { LINEAR_VARIANTS } from './linear/linear-variants.ts';
import { isTuned, type MostRows, type Tuning, tune, tuningKey } from './tune.ts';
import { attentionKey, tuneAttention } from './tune-attention.ts';

const FILE = 'webgpu-tuning.json';
const NOTHING: Tuning = { fastest: {}, refusals: [] };

export interface TuningOptions {
  /** Where measurements are remembered. */
  readonly folder: string;
  readonly most: MostRows;
  readonly now: () => Seconds;
}

/**
 * The kernels that are right for these layers and this attention on this GPU, and of them the fastest. Found out when they
 * are first asked for, remembered by adapter, driver, bounds checks and the variants' code.
 */
export async function tuningOf(
  gpu: GpuDevice,
  ops: readonly LinearOp[],
  shape: AttentionShape,
  { folder, most, now }: TuningOptions,
): Promise<Tuning> {
  const path = join(folder, FILE);
  const known = await knownTuning(gpu, folder);
  const missing = ops.filter(op => !isTuned(known, op, most));
  const layers = new Set([...ops.map(tuningKey), attentionKey(shape)]);
  let tuning = known;
  if (missing.length > 0) tuning = together(tuning, await tune(gpu, missing, most, now));
  if (!known.fastest[attentionKey(shape)]) tuning = together(tuning, await tuneAttention(gpu, shape));
  if (tuning !== known) await remember(path, { ...(await readTunings(path)), [deviceKey(gpu)]: tuning });
  const { fastest, refusals } = tuning;
  return { fastest, refusals: refusals.filter(({ layer }) => layers.has(layer)) };
}

/** What was found last holds. */
function together(known: Tuning, found: Tuning): Tuning {
  return {
    fastest: { ...known.fastest, ...found.fastest },
    refusals: [...known.refusals.filter(({ layer }) => !(layer in found.fastest)), ...found.refusals],
  };
}

/** What was found out on this device, of all layers that it met. */
export async function knownTuning(gpu: GpuDevice, folder: string): Promise<Tuning> {
  const found = (await readTunings(join(folder, FILE)))[deviceKey(gpu)];
  return typeof found?.fastest === 'object' && Array.isArray(found.refusals) ? found : NOTHING;
}

/** Renamed into place, so that no one reads half a file. Where it cannot be written, it is measured again. */
async function remember(path: string, tunings: Record<string, Tuning>): Promise<void> {
  const partial = `${path}.${process.pid}.partial`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(partial, `${JSON.stringify(tunings, null, 1)}\n`);
    await rename(partial, path);
  } catch {
    await rm(partial, { force: true }).catch(() => undefined);
  }
}

/** The adapter's name says its driver. What is said of a kernel is true of its code, not of its name. */
function deviceKey({ name, traits }: GpuDevice): string {
  const code = LINEAR_VARIANTS.flatMap(variant =>
    EPILOGUES.flatMap(epilogue => {
      const op = { ...TYPICAL, epilogue };
      const passes = variant.supports(op, traits) ? variant.passes(op, traits) : [];
      return [variant.name, ...passes.map(({ shader }) => shader.code)];
    }),
  );
  const heads = { dtype: TYPICAL.dtype, heads: 32, kvHeads: 8, headDim: 128, blockSize: 16 };
  code.push(decodeShader(heads, traits).code, prefillShader(heads, traits).code);
  const hash = createHash('sha256').update(code.join()).digest('hex').slice(0, 8);
  return `${name}, ${traits.robust ? 'safe' : 'unsafe'}, kernels ${hash}`;
}

/** Nothing where there is no such file, or it is not ours: it is only a cache. */
async function readTunings(path: string): Promise<Record<string, Tuning>> {
  try {
    const found: unknown = JSON.parse(await readFile(path, 'utf8'));
    return typeof found === 'object' && found !== null ? (found as Record<string, Tuning>) : {};
  } catch {
    return {};
  }
}
