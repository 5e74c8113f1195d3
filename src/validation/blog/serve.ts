import { UsageError } from '../../core/errors.ts';
import type { Limits, Policy } from '../../core/policies/policy.ts';
import type { Tokens } from '../../core/units.ts';
import type { Overheads } from '../../sim/cost/overhead-profile.ts';
import { type EngineSetup, setUpEngine } from '../../sim/engine-setup.ts';
import { findGpu } from '../../sim/hardware/catalogue.ts';
import { Metrics } from '../../sim/metrics.ts';
import { findModel } from '../../sim/models/catalogue.ts';
import { type RunResult, runResult } from '../../sim/results.ts';
import { Simulation, simulate } from '../../sim/simulation.ts';
import type { Arrival, Workload } from '../../sim/workload/workload.ts';

/** A model on one GPU, by the names of the catalogues. */
export interface Machine {
  readonly model: string;
  readonly gpu: string;
}

export interface Engine {
  readonly policy: Policy;
  /** Share of the GPU's memory that it takes; 1 where nothing in the engine bounds it. */
  readonly gpuMemoryUtilization: number;
  readonly limits?: Partial<Limits>;
  /** KV memory that the operator gave it, instead of what is left. */
  readonly kvSlots?: Tokens;
  /** Where the version differs from the one that the runtime's presets are of. */
  readonly overheads?: Overheads;
}

/** @throws UsageError for names that are not in the catalogues, or a model that does not fit. */
export function setUp({ model: modelName, gpu: gpuName }: Machine, engine: Engine): EngineSetup {
  const model = findModel(modelName);
  const gpu = findGpu(gpuName);
  if (!model || !gpu)
    throw new UsageError(`no model ${modelName} or no GPU ${gpuName}; see quire models, gpus`);
  return setUpEngine({ ...engine, model, gpu, tensorParallel: 1, weights: 'fp16', kv: 'fp16' });
}

/** Serves all requests once. */
export async function serve(
  machine: Machine,
  engine: Engine,
  requests: readonly Arrival[],
): Promise<RunResult> {
  const { policy, limits, cost, createMemory } = setUp(machine, engine);
  const memory = createMemory();
  const metrics = new Metrics();
  const workload: Workload = { name: policy.name, count: requests.length, chunks: () => [requests] };
  const simulation = new Simulation({
    policy,
    limits,
    memory,
    cost,
    seed: 0,
    // Every request of the scripts names its own.
    maxTokens: ({ outputTokens }) => Math.max(...outputTokens),
    workload,
    listener: metrics,
  });
  await simulate(simulation, workload);
  return runResult(metrics, simulation.executor.total, cost, memory.capacity);
}
