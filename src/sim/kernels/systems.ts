import type { Gpu } from '../hardware/gpu.ts';

/** A GPU as AIConfigurator names it. */
interface System {
  readonly name: string;
  /** Streaming multiprocessors: kernels come in waves of one tile for each. */
  readonly multiprocessors: number;
  /** The GPU of the catalogue whose kernels the tables hold. */
  readonly measured: string;
}

const a100: System = { name: 'a100_sxm', multiprocessors: 108, measured: 'a100-80g' };

/** By name of the catalogue. A GPU that is not listed has no tables anywhere. */
export const systems: Readonly<Record<string, System>> = {
  // Its memory is slower: what that costs is added (`OtherMemory`).
  'a100-40g': a100,
  'a100-80g': a100,
  h100: { name: 'h100_sxm', multiprocessors: 132, measured: 'h100' },
  h200: { name: 'h200_sxm', multiprocessors: 132, measured: 'h200' },
  b200: { name: 'b200_sxm', multiprocessors: 148, measured: 'b200' },
  'rtx-pro-6000': { name: 'rtx_pro_6000_server', multiprocessors: 188, measured: 'rtx-pro-6000' },
  l40s: { name: 'l40s', multiprocessors: 142, measured: 'l40s' },
  l4: { name: 'l4', multiprocessors: 58, measured: 'l4' },
};

/** Names of the catalogue, for a system's name: `a100_sxm` is `a100-40g` and `a100-80g`. */
export function gpusOf(system: string): readonly Gpu['name'][] {
  return Object.keys(systems).filter(gpu => systems[gpu]!.name === system);
}
