import type { MemoryUsage } from './kv-memory.ts';
import type { Request, Sequence } from './request.ts';
import type { PreemptionMode, StepPlan, StepResult, WaitReason } from './step-plan.ts';
import type { BlockId, Seconds, Tokens } from './units.ts';

/**
 * All that happens, in order. Metrics, traces, dashboards and views read this and nothing else.
 * Times are seconds on the engine's clock.
 */
export type EngineEvent =
  | { readonly type: 'arrived'; readonly time: Seconds; readonly request: Request }
  | { readonly type: 'rejected'; readonly time: Seconds; readonly request: Request; readonly reason: string }
  | {
      readonly type: 'admitted';
      readonly time: Seconds;
      readonly request: Request;
      readonly from: 'waiting' | 'preempted' | 'swapped';
      readonly cachedTokens: Tokens;
    }
  | {
      readonly type: 'preempted';
      readonly time: Seconds;
      readonly request: Request;
      readonly mode: PreemptionMode;
      /** The device lost its memory: nobody's growth is the cause, and `by` is the request itself. */
      readonly deviceLost?: boolean;
      /** The request whose growth found no memory, and what it lacked (in blocks). */
      readonly by: Request;
      readonly needs: number;
      readonly free: number;
      /** Tokens whose KV is lost and will be computed again (0 for a swap). */
      readonly lostTokens: Tokens;
    }
  | {
      readonly type: 'blocked';
      readonly time: Seconds;
      readonly request: Request;
      readonly reason: WaitReason;
    }
  | { readonly type: 'finished'; readonly time: Seconds; readonly request: Request }
  | { readonly type: 'aborted'; readonly time: Seconds; readonly request: Request }
  /** A step was planned (`time`) and has run (`end`). */
  | {
      readonly type: 'step';
      readonly time: Seconds;
      readonly end: Seconds;
      readonly plan: StepPlan;
      readonly result: StepResult;
      /** Memory while it ran. */
      readonly usage: MemoryUsage;
    }
  /** Nothing to run between `time` and `end`. */
  | { readonly type: 'idle'; readonly time: Seconds; readonly end: Seconds; readonly usage: MemoryUsage }
  | DetailEvent;

/** Of interest to views and traces only: one per block or token. */
export type DetailEvent =
  | {
      readonly type: 'scheduled';
      readonly time: Seconds;
      readonly request: Request;
      readonly start: Tokens;
      readonly tokens: Tokens;
    }
  | {
      readonly type: 'allocated';
      readonly time: Seconds;
      readonly request: Request;
      readonly sequence: number;
      readonly blocks: readonly BlockId[];
    }
  | {
      readonly type: 'cache-hit';
      readonly time: Seconds;
      readonly request: Request;
      readonly sequence: number;
      /** The first blocks of its table, found by content. */
      readonly blocks: readonly BlockId[];
    }
  | { readonly type: 'evicted'; readonly time: Seconds; readonly block: BlockId }
  | {
      readonly type: 'copied';
      readonly time: Seconds;
      readonly request: Request;
      readonly src: BlockId;
      readonly dst: BlockId;
    }
  | {
      readonly type: 'forked';
      readonly time: Seconds;
      readonly request: Request;
      readonly from: number;
      readonly to: number;
    }
  | {
      readonly type: 'token';
      readonly time: Seconds;
      readonly request: Request;
      readonly sequence: Sequence;
      /** 0 for the first output token. */
      readonly index: number;
    };

/** Receives events. `detail` asks for one event per block and token; without it those are never built. */
export interface Listener {
  readonly detail: boolean;
  on(event: EngineEvent): void;
}
