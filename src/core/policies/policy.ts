import type { AdmissionDemand, KvMemory } from '../kv-memory.ts';
import type { HonestRequest } from '../request.ts';
import type { WaitReason } from '../step-plan.ts';
import type { Bytes, Tokens } from '../units.ts';
import type { Compare } from '../waiting-queue.ts';

/** What a policy may look at when it decides. It has no way to a request's true output length. */
export interface SchedulerView {
  readonly running: readonly HonestRequest[];
  readonly numWaiting: number;
  /** Head first. */
  readonly waiting: Iterable<HonestRequest>;
  readonly limits: Limits;
  readonly memory: Pick<KvMemory, 'capacity'> & {
    lookup(request: HonestRequest): Tokens;
  };
}

/** Order of the waiting queue. */
export interface Order {
  readonly name: 'fcfs' | 'priority' | 'shortest-job-first' | 'longest-prefix-match';
  /** Fixed rank of a request; absent: first come, first served. */
  readonly compare?: Compare;
  /** Rank that changes from step to step; asked each time before the queue is served. */
  arrange?(view: SchedulerView): Compare | undefined;
}

/** What must be free before a request enters. */
export interface Admission {
  readonly name: 'first-chunk' | 'whole-prompt' | 'input-plus-max-tokens' | 'estimate';
  demand(request: HonestRequest, upTo: Tokens, view: SchedulerView): AdmissionDemand;
  /** Called once a step that decodes, and after each preemption: for those that learn. */
  stepped?(): void;
  preempted?(view: SchedulerView): void;
}

/** When the set of running requests may change, and what a step mixes. */
export interface Batching {
  readonly name: 'continuous' | 'prefill-first' | 'static';
  /** One step holds prefills and decodes (`mixed`), or only one of them, prefills first. */
  readonly mix: 'mixed' | 'prefill-first';
  /** Which prompts may be computed in pieces: any, only the first of a step, none. */
  readonly chunking: 'any' | 'first' | 'none';
  /** Ended requests keep memory and row until all of the batch have ended. */
  readonly holdsFinished: boolean;
  /** Why nobody may join now, or undefined. */
  mayJoin?(view: SchedulerView): WaitReason | undefined;
  joined?(): void;
  decoded?(): void;
}

/** Who loses its memory when a running request cannot grow: an index into `running`. */
export interface Victim {
  readonly name: 'newest' | 'lowest-priority' | 'fewest-outputs';
  pick(running: readonly HonestRequest[]): number;
}

/** How KV is claimed. */
export type MemoryChoice =
  | {
      readonly kind: 'paged';
      readonly claim: 'demand' | 'max';
      readonly prefixCaching: boolean;
      readonly freeOrder: 'lru' | 'uncached-first';
    }
  | {
      readonly kind: 'contiguous';
      readonly reserve: 'max' | 'pow2' | 'oracle';
      readonly allocator: 'buddy' | 'first-fit';
    }
  | { readonly kind: 'padded'; readonly ragged: boolean };

/** Numbers that an operator sets; each policy brings the defaults of its engine. */
export interface Limits {
  /** Sequences that run at once. */
  readonly maxNumSeqs: number;
  /** Tokens of one step. */
  readonly maxNumBatchedTokens: Tokens;
  /** Slots of one block. */
  readonly blockSize: Tokens;
  /** Prompt and output of a request. */
  readonly maxModelLen: Tokens;
  /** Longest piece of a prompt in one step; 0: no limit but the step's. */
  readonly longPrefillTokenThreshold: Tokens;
  /** Share of the blocks kept free when a request enters (ignored while nothing runs). */
  readonly watermark: number;
  /** Sum of prompt + max_tokens over the batch (TGI's max_batch_total_tokens). */
  readonly maxBatchTotalTokens: Tokens;
}

/** The machine that a policy's defaults depend on. */
export interface Machine {
  /** Memory of one GPU. */
  readonly gpuMemory: Bytes;
  /** vLLM keeps its smaller defaults on the A100 in spite of its memory. */
  readonly isA100: boolean;
  readonly maxModelLen: Tokens;
}

/** A batching policy: the four choices, a victim rule, and the documented defaults of the engine it is named for. */
export interface Policy {
  readonly name: string;
  /** What it is, in one line. */
  readonly summary: string;
  /** Engine version or paper section that the defaults are from. */
  readonly source: string;
  readonly order: Order;
  /** Fresh state for one scheduler. */
  admission(): Admission;
  batching(): Batching;
  readonly memory: MemoryChoice;
  readonly victim: Victim;
  /** `auto`: swap requests with several sequences, recompute the others (vLLM v0). */
  readonly preemption: 'recompute' | 'swap' | 'auto';
  /** A running request without memory sits the step out; the newest is preempted only when none can run (FastGen). */
  readonly stalls?: boolean;
  limits(machine: Machine): Limits;
  /** Which engine's overheads the cost model charges (`sim/cost/runtimes.ts`). */
  readonly runtime:
    | 'vllm'
    | 'vllm-v0'
    | 'transformers'
    | 'deepspeed'
    | 'faster-transformer'
    | 'orca'
    | 'tgi-0.8'
    | 'tgi'
    | 'sarathi'
    | 'fastgen'
    | 'sglang'
    | 'trtllm'
    | 'nano-vllm';
}

/** What every engine leaves unlimited unless it says otherwise. */
export const unlimited = {
  maxNumSeqs: Number.POSITIVE_INFINITY,
  maxNumBatchedTokens: Number.POSITIVE_INFINITY,
  blockSize: 16,
  longPrefillTokenThreshold: 0,
  watermark: 0,
  maxBatchTotalTokens: Number.POSITIVE_INFINITY,
} satisfies Omit<Limits, 'maxModelLen'>;
