import type { Bytes } from '../../core/units.ts';
import type { GpuDevice } from './device.ts';
import { Kernel } from './kernel.ts';
import type { Grid, Shader } from './kernels/shader.ts';
import type { LinearOp } from './linear/linear-op.ts';
import type { LinearVariant } from './linear/linear-variant.ts';

/** A variant made ready for one layer and a number of rows. */
export interface Candidate {
  readonly variant: LinearVariant;
  readonly kernels: readonly Kernel[];
  readonly grids: readonly Grid[];
  readonly scratch: Bytes;
}

/** A variant that is not to be used, and why, as the end of a sentence about it. */
export interface Refused {
  readonly variant: LinearVariant;
  readonly why: string;
}

export interface Candidates {
  readonly ready: readonly Candidate[];
  /** Those that the driver does not compile. */
  readonly refused: readonly Refused[];
}

/** The variants that are meant for so many rows of this layer on this device, compiled. */
export async function candidates(
  gpu: GpuDevice,
  op: LinearOp,
  rows: number,
  variants: readonly LinearVariant[],
): Promise<Candidates> {
  const fits = variants.filter(
    variant => variant.minRows <= rows && rows <= variant.maxRows && variant.supports(op, gpu.traits),
  );
  const made = await Promise.all(fits.map(variant => candidate(gpu, variant, op, rows)));
  return {
    ready: made.filter(entry => 'kernels' in entry),
    refused: made.filter(entry => 'why' in entry),
  };
}

async function candidate(
  gpu: GpuDevice,
  variant: LinearVariant,
  op: LinearOp,
  rows: number,
): Promise<Candidate | Refused> {
  const passes = variant.passes(op, gpu.traits);
  try {
    return {
      variant,
      kernels: await Promise.all(passes.map(pass => Kernel.compile(gpu, pass.shader))),
      grids: passes.map(pass => pass.grid(rows)),
      scratch: Math.max(0, ...passes.map(pass => pass.scratchBytes?.(rows) ?? 0)),
    };
  } catch (error) {
    return { variant, why: compileText(error) };
  }
}

/** What a driver had against a shader, as the end of a sentence about it; undefined: nothing. */
export async function compileFault(gpu: GpuDevice, shader: Shader): Promise<string | undefined> {
  try {
    await Kernel.compile(gpu, shader);
    return undefined;
  } catch (error) {
    return compileText(error);
  }
}

function compileText(error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return `does not compile (${reason.split('\n')[0]})`;
}
