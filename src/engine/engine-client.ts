import type { ModelConfig } from '../backends/model/config.ts';
import type { MemoryUsage } from '../core/kv-memory.ts';
import type { Limits } from '../core/policies/policy.ts';
import type { SamplingParams } from '../core/sampling-params.ts';
import type { Seconds, Tokens } from '../core/units.ts';
import type { RequestOutput, SampleUpdate } from './outputs.ts';
import type { StepTokenCounts } from './step-tokens.ts';

/** What an engine is asked, as it travels to another thread. */
export interface Ask {
  readonly promptTokenIds: readonly number[];
  readonly params: SamplingParams;
  readonly priority?: number | undefined;
  readonly cacheSalt?: string | undefined;
}

/** Who hears of a request. Calls come in the order of the engine's steps; `over` or `failed` is the last, once. */
export interface Heard {
  update?(update: SampleUpdate): void;
  over(output: RequestOutput): void;
  /** The engine died with it. */
  failed(error: Error): void;
}

/** A request that was taken in. */
export interface Ticket {
  readonly id: number;
  /** The client is gone: what the request holds is free within a step; `over` follows, with finish reason `abort`. */
  abort(): void;
}

/** What an engine runs on, known once it is loaded. */
export interface EngineInfo {
  readonly policy: string;
  readonly limits: Limits;
  readonly config: ModelConfig;
  /** `webgpu`, `reference`, `simulated`. */
  readonly backend: string;
  /** The adapter, or the simulated GPU. */
  readonly device: string;
  readonly dtype: 'f16' | 'f32';
  readonly memory: { readonly kind: string; readonly blockSize: Tokens; readonly numBlocks: number };
  readonly loadSeconds: Seconds;
}

/** Gauges, and counters since the start. */
export interface EngineStats {
  /** On the engine's clock. */
  readonly time: Seconds;
  readonly running: number;
  readonly waiting: number;
  /** Why the head of the queue waits, in words; undefined when nobody does. */
  readonly waitingFor: string | undefined;
  /** Slots of each kind, now. */
  readonly usage: MemoryUsage;
  readonly steps: number;
  /** Each step by its tokens: those that it computed of prompts or again, and those that it drew. */
  readonly stepTokens: StepTokenCounts;
  readonly busy: Seconds;
  readonly promptTokens: Tokens;
  readonly outputTokens: Tokens;
  readonly preemptions: number;
  readonly recomputedTokens: Tokens;
  readonly prefixQueries: Tokens;
  readonly prefixHits: Tokens;
  readonly devicesLost: number;
}

/**
 * An engine that serves: requests come and go while it steps. It may live in a thread of its own, so that whoever
 * holds this never waits for a kernel, nor for a step of a model that runs on the CPU.
 */
export interface EngineClient {
  readonly info: EngineInfo;
  /**
   * Takes a request in.
   * @throws UsageError (as a rejected promise) when it can never be served, or the ids are not the model's.
   */
  add(ask: Ask, heard: Heard): Promise<Ticket>;
  /** The last that the engine told; at most 0.1 s old while it runs. */
  stats(): EngineStats;
  /** Forgets all cached prefixes that nobody uses. */
  resetPrefixCache(): Promise<void>;
  /**
   * Recordings of the last steps, as files that the page opens, 4 a second at most and none while nothing happens; who
   * joins others is given the last at once. An engine that nobody watches records nothing. Absent: it cannot record.
   * @returns ends it.
   */
  watch?(onRecording: (file: Uint8Array) => void): () => void;
  /** Undefined while it can serve; else why it never will again. */
  readonly failure: Error | undefined;
  /** Ends what runs (`abort`), and lets device and thread go. */
  close(): Promise<void>;
}
