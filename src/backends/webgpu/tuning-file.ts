import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Seconds } from '../../core/units.ts';
import type { GpuDevice } from './device.ts';
import type { LinearOp } from './linear/linear-op.ts';
import { LINEAR_VARIANTS, type Preference } from './linear/linear-variants.ts';
import { preferenceOf, type Tuning, tune, tuningKey } from './tune.ts';

const FILE = 'webgpu-tuning.json';

export interface TuningOptions {
  /** Where measurements are remembered. */
  readonly folder: string;
  /** Most rows of a step. */
  readonly maxRows: number;
  readonly now: () => Seconds;
}

/**
 * The kernels measured fastest for these layers on this GPU. Measured when they are first asked for, remembered by
 * adapter, driver, bounds checks and the variants there are.
 */
export async function tunedPreference(
  gpu: GpuDevice,
  ops: readonly LinearOp[],
  { folder, maxRows, now }: TuningOptions,
): Promise<Preference> {
  const path = join(folder, FILE);
  const key = deviceKey(gpu);
  const known = (await readTunings(path))[key] ?? {};
  const missing = ops.filter(op => known[tuningKey(op)] === undefined);
  if (missing.length === 0) return preferenceOf(known);
  const measured = await tune(gpu, missing, maxRows, now);
  // Layers without a choice are known, too.
  const none = Object.fromEntries(missing.map(op => [tuningKey(op), {}]));
  const tuning: Tuning = { ...known, ...none, ...measured };
  await remember(path, { ...(await readTunings(path)), [key]: tuning });
  return preferenceOf(tuning);
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

/** The adapter's name says its driver. */
function deviceKey({ name, traits }: GpuDevice): string {
  const variants = LINEAR_VARIANTS.map(variant => variant.name).join(' ');
  let hash = 0;
  for (const char of variants) hash = (Math.imul(hash, 31) + char.charCodeAt(0)) | 0;
  return `${name}, ${traits.robust ? 'safe' : 'unsafe'}, variants ${(hash >>> 0).toString(16)}`;
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
