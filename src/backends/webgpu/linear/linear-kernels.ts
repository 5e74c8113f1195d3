import type { Bytes } from '../../../core/units.ts';
import type { GpuDevice } from '../device.ts';
import { Kernel } from '../kernel.ts';
import type { LinearOp } from './linear-op.ts';
import type { LinearPass, LinearVariant } from './linear-variant.ts';
import { chooseVariant, LINEAR_VARIANTS, type Preference, variantBounds } from './linear-variants.ts';

interface Range {
  /** Row counts from this one on, up to the next range. */
  readonly least: number;
  readonly variant: LinearVariant;
  readonly passes: readonly LinearPass[];
}

/** A linear layer's kernels, for any number of rows. Compiled when first prepared for. */
export class LinearKernels {
  readonly op: LinearOp;
  readonly #gpu: GpuDevice;
  readonly #ranges: readonly Range[];
  readonly #kernels = new Map<LinearVariant, readonly Kernel[]>();

  constructor(
    gpu: GpuDevice,
    op: LinearOp,
    prefer?: Preference,
    variants: readonly LinearVariant[] = LINEAR_VARIANTS,
  ) {
    this.op = op;
    this.#gpu = gpu;
    this.#ranges = variantBounds(variants).map(least => {
      const variant = chooseVariant(op, least, gpu.traits, prefer, variants);
      return { least, variant, passes: variant.passes(op, gpu.traits) };
    });
  }

  /** Name of the variant that so many rows take. */
  nameFor(rows: number): string {
    return this.#at(rows).variant.name;
  }

  /** Whether steps of so many rows can be dispatched at once. */
  ready(rows: number): boolean {
    return rows === 0 || this.#kernels.has(this.#at(rows).variant);
  }

  /** Compiles what so many rows take. */
  async prepare(rows: number): Promise<void> {
    if (this.ready(rows)) return;
    const { variant, passes } = this.#at(rows);
    this.#kernels.set(variant, await Promise.all(passes.map(pass => Kernel.compile(this.#gpu, pass.shader))));
  }

  /** Compiles what up to so many rows may take. */
  async prepareUpTo(rows: number): Promise<void> {
    const reached = this.#ranges.filter(({ least }) => least <= rows);
    const distinct = new Map(reached.map(({ least, variant }) => [variant, least]));
    await Promise.all([...distinct.values()].map(least => this.prepare(least)));
  }

  /** @param use see `Kernel.dispatch`. */
  dispatch(
    encoder: GPUComputePassEncoder,
    rows: number,
    use: number,
    buffers: () => Readonly<Record<string, GPUBuffer | undefined>>,
  ): void {
    if (rows === 0) return;
    const { variant, passes } = this.#at(rows);
    const kernels = this.#kernels.get(variant)!;
    for (const [i, pass] of passes.entries()) kernels[i]!.dispatch(encoder, use, buffers, pass.grid(rows));
  }

  /** For so many rows or fewer. */
  scratchBytes(rows: number): Bytes {
    const reached = this.#ranges.filter(({ least }) => least <= rows).flatMap(({ passes }) => passes);
    return Math.max(0, ...reached.map(pass => pass.scratchBytes?.(rows) ?? 0));
  }

  forgetBuffers(): void {
    for (const kernels of this.#kernels.values()) for (const kernel of kernels) kernel.forgetBuffers();
  }

  #at(rows: number): Range {
    return this.#ranges.findLast(({ least }) => least <= rows)!;
  }
}
