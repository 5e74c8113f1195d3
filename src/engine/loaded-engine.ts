import type { Seconds } from '../core/units.ts';
import type { StepCost } from '../sim/cost/terms.ts';
import type { BackendOptions } from './create-runner.ts';
import type { Engine } from './engine.ts';
import type { EngineInfo } from './engine-client.ts';

/** An engine that is ready to serve. */
export interface LoadedEngine {
  readonly engine: Engine;
  readonly info: EngineInfo;
  /** What all steps so far cost, where that is known: for recordings. */
  readonly cost?: Pick<StepCost, 'compute' | 'bandwidth' | 'overhead'>;
}

/** What is told while an engine is made. */
export type Loading = Pick<BackendOptions, 'onLoad' | 'warn'>;

/** What an engine is made by, in whichever thread it is to live. */
export type EngineMaker<Args> = (args: Args, loading?: Loading) => Promise<LoadedEngine>;

/** What is known of an engine from itself. */
export function infoOf(
  engine: Engine,
  { backend, device, dtype, begin }: Pick<EngineInfo, 'backend' | 'device' | 'dtype'> & { begin: Seconds },
): EngineInfo {
  const { policy, limits, memory } = engine.scheduler;
  const { kind, blockSize, capacity } = memory;
  return {
    policy: policy.name,
    limits,
    config: engine.runner.config,
    backend,
    device,
    dtype,
    memory: { kind, blockSize, numBlocks: capacity / blockSize },
    loadSeconds: (performance.now() - begin) / 1000,
  };
}
