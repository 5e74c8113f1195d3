export { type Config, configDefaults, parseConfig } from './config.ts';
export { type Capacity, kvCapacity } from './cost/capacity.ts';
export { CostModel } from './cost/cost-model.ts';
export { type CostTerm, costTerms, type StepCost } from './cost/terms.ts';
export { setUpEngine } from './engine-setup.ts';
export {
  type Comparison,
  completeConfig,
  type ExperimentResult,
  type PolicyResult,
  runExperiment,
} from './experiment.ts';
export { findGpu, gpus } from './hardware/catalogue.ts';
export type { Gpu } from './hardware/gpu.ts';
export { Metrics } from './metrics.ts';
export { findModel, models } from './models/catalogue.ts';
export { modelFromHfConfig } from './models/hf-config.ts';
export type { Model } from './models/model.ts';
export type { RunResult } from './results.ts';
export { Simulation, simulate } from './simulation.ts';
export { openTrace } from './workload/trace/detect.ts';
export { toQuireTrace } from './workload/trace/quire.ts';
export type { Arrival, Workload } from './workload/workload.ts';
