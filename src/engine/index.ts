export { UsageError } from '../core/errors.ts';
export { completeParams, type SamplingOptions } from './complete-params.ts';
export { type BackendName, backendNames } from './create-runner.ts';
export { Engine, type Rejection } from './engine.ts';
export { createEngine, type EngineArgs, type ModelArgs, type PolicyParts } from './engine-args.ts';
export type { Ask, EngineClient, EngineInfo, EngineStats, Heard, Ticket } from './engine-client.ts';
export type { EngineOptions } from './engine-options.ts';
export type { GenerationRequest, GenerationSpec } from './generation-request.ts';
export {
  type GenerateOptions,
  LLM,
  type LlmOptions,
  type LlmParts,
  type Progress,
} from './llm.ts';
export type { EngineMaker, LoadedEngine } from './loaded-engine.ts';
export { LocalEngine } from './local-engine.ts';
export type {
  CompletionOutput,
  RequestMetrics,
  RequestOutput,
  SampleUpdate,
  TokenLogprobs,
} from './outputs.ts';
export type { Prompt } from './prompt.ts';
export { createSimulatedEngine, type SimulatedArgs, type SimulatedSite } from './simulated-engine.ts';
export type { RunSummary } from './summary.ts';
export { WorkerEngine, type WorkerOptions } from './worker-engine.ts';
