export { BlockPool } from './block-pool.ts';
export { DecodeSet } from './decode-set.ts';
export { UsageError } from './errors.ts';
export type { DetailEvent, EngineEvent, Listener } from './events.ts';
export { InvariantError } from './invariant.ts';
export {
  type BlockCopy,
  type KvMemory,
  type MemoryUsage,
  NULL_BLOCK,
  type Shortage,
  type SlotKind,
  slotKinds,
} from './kv-memory.ts';
export { ContiguousKvMemory } from './memory/contiguous.ts';
export { createMemory } from './memory/create.ts';
export { PaddedKvMemory } from './memory/padded.ts';
export { PagedKvMemory } from './memory/paged.ts';
export type {
  Admission,
  Batching,
  Limits,
  Machine,
  Order,
  Policy,
  SchedulerView,
  Victim,
} from './policies/policy.ts';
export { unlimited } from './policies/policy.ts';
export { findPolicy, policies } from './policies/registry.ts';
export { PrefixCache } from './prefix-cache.ts';
export { type HonestRequest, Request, type RequestSpec, Sequence } from './request.ts';
export { Scheduler } from './scheduler.ts';
export { StepPlan, type StepResult, type WaitingFor, type WaitReason } from './step-plan.ts';
export type { TokenSource } from './token-source.ts';
export type { BlockId, Bytes, Seconds, Tokens } from './units.ts';
