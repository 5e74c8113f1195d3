import type { ModelRunner } from '../backends/model-runner.ts';
import type { Listener } from '../core/events.ts';
import type { KvMemory } from '../core/kv-memory.ts';
import type { Limits, Policy } from '../core/policies/policy.ts';
import type { Clock } from './clock.ts';
import type { ModelExecutor } from './model-executor.ts';
import type { Detokenizer } from './sample-text.ts';
import type { StructureCompiler } from './structured/structure-compiler.ts';

export interface EngineOptions {
  readonly policy: Policy;
  readonly limits: Limits;
  readonly memory: KvMemory;
  readonly runner: ModelRunner;
  /** A new one when the device was lost; absent: then the engine fails. */
  readonly recreate?: (() => Promise<ModelRunner>) | undefined;
  /** For each sample, of what follows a prompt; absent: outputs have no text. */
  readonly detokenizer?: ((prompt: ArrayLike<number>) => Detokenizer) | undefined;
  /** For outputs that must have a structure; absent: such requests are refused. */
  readonly structures?: StructureCompiler | undefined;
  /** Of requests that bring none. */
  readonly seed?: number | undefined;
  readonly listener?: Listener | undefined;
  readonly clock?: Clock | undefined;
  /** What plans are given to, where that is not the runner: a simulation prices them, and computes nothing. */
  readonly createExecutor?:
    | ((...made: ConstructorParameters<typeof ModelExecutor>) => ModelExecutor)
    | undefined;
}
