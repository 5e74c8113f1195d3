import type { KvPrecision, WeightPrecision } from './cost/precision.ts';
import type { Gpu } from './hardware/gpu.ts';
import type { Model } from './models/model.ts';

/** A model on GPUs: what its memory and its times depend on, whatever the engine. */
export interface Deployment {
  readonly model: Model;
  readonly gpu: Gpu;
  /** GPUs that share every layer. */
  readonly tensorParallel: number;
  readonly weights: WeightPrecision;
  readonly kv: KvPrecision;
}
