import { findGpu } from '../../../src/sim/hardware/catalogue.ts';
import { findModel } from '../../../src/sim/models/catalogue.ts';
import { parameterCount } from '../../../src/sim/models/parameters.ts';
import type { Recording } from '../../../src/trace/recording.ts';

export interface Machine {
  readonly gpu: { readonly name: string; readonly peak: number; readonly bandwidth: number };
  /** Bytes that each step reads, whatever it computes. */
  readonly weights: number;
  /** Of the matrices alone: attention adds a few per cent. */
  readonly flopsPerToken: number;
  /** Rows whose arithmetic takes as long as reading the weights, at the peaks of both. */
  readonly balanced: number;
}

/** The GPU and the model that a run was simulated with, at 16 bits. */
export function machineOf({ config }: Recording): Machine {
  const model = findModel(String(config['model']));
  const gpu = findGpu(String(config['gpu']));
  if (!model || !gpu)
    throw new Error(`no machine of this run is known: ${config['model']}, ${config['gpu']}`);
  // A table is looked up, not multiplied; a tied one is multiplied as the lm_head.
  const { active, embedding, lmHead } = parameterCount(model);
  const matrices = active - (lmHead > 0 ? embedding : 0);
  const [weights, flopsPerToken, peak] = [2 * matrices, 2 * matrices, gpu.flops.fp16];
  const { name, bandwidth } = gpu;
  return {
    gpu: { name, peak, bandwidth },
    weights,
    flopsPerToken,
    balanced: Math.round((weights / bandwidth) * (peak / flopsPerToken)),
  };
}
