import { composePolicy } from '../sim/check-config.ts';
import type { Config } from '../sim/config.ts';
import type { BackendOptions, PlacedRunner } from './create-runner.ts';
import type { LimitOptions } from './engine-limits.ts';
import { LLM } from './llm.ts';
import { infoOf, type LoadedEngine, type Loading } from './loaded-engine.ts';
import { createSimulatedEngine, type SimulatedArgs } from './simulated-engine.ts';

/** An engine on a real model. */
export interface ModelArgs extends LimitOptions, Omit<BackendOptions, keyof Loading> {
  /** A folder, or `owner/name` of the hub. */
  readonly model: string;
  /** Default `vllm`. */
  readonly policy?: string | undefined;
  /** Parts of the policy that are replaced. */
  readonly parts?: PolicyParts | undefined;
  /** Of requests that bring none. Default 0. */
  readonly seed?: number | undefined;
}

export type PolicyParts = Pick<Config, 'order' | 'admission' | 'victim' | 'preemption' | 'prefix_caching'>;

/** All that an engine is made from (vLLM's EngineArgs): data, so that it may be made in another thread. */
export type EngineArgs = ModelArgs | SimulatedArgs;

/** @throws UsageError when the model, the machine or the options do not allow it. */
export async function createEngine(args: EngineArgs, loading: Loading = {}): Promise<LoadedEngine> {
  if (args.backend === 'simulated') return await createSimulatedEngine(args);
  const begin = performance.now();
  const { parts = {}, policy = 'vllm', ...options } = args;
  const { engine } = await LLM.load({ ...options, policy: composePolicy(policy, parts), ...loading });
  const { device, dtype } = engine.runner as PlacedRunner;
  return { engine, info: infoOf(engine, { backend: args.backend ?? 'webgpu', device, dtype, begin }) };
}
