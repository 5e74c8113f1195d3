export { UsageError } from '../core/errors.ts';
export { completeParams, type SamplingOptions } from './complete-params.ts';
export { type BackendName, backendNames } from './create-runner.ts';
export { Engine, type EngineOptions, type Rejection } from './engine.ts';
export type { GenerationRequest, GenerationSpec } from './generation-request.ts';
export {
  type GenerateOptions,
  LLM,
  type LlmOptions,
  type LlmParts,
  type Progress,
  type Prompt,
} from './llm.ts';
export type {
  CompletionOutput,
  RequestMetrics,
  RequestOutput,
  SampleUpdate,
  TokenLogprobs,
} from './outputs.ts';
export type { RunSummary } from './summary.ts';
