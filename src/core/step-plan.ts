import type { BlockCopy } from './kv-memory.ts';
import type { Request, Sequence } from './request.ts';
import type { Seconds, Tokens } from './units.ts';

/** Why the head of the queue cannot enter in this step; all behind it wait for it (head-of-line). */
export type WaitReason =
  | { readonly kind: 'no-blocks'; readonly needs: number; readonly free: number }
  | { readonly kind: 'max-num-seqs'; readonly limit: number }
  | { readonly kind: 'token-budget'; readonly needs: Tokens; readonly left: Tokens }
  | { readonly kind: 'preemption' }
  /** This step is one of prefills; what comes back from swap decodes, and joins the next decode step. */
  | { readonly kind: 'prefill-step' }
  /** Those before it came back from swap and decode in this step; its prompt takes the next one. */
  | { readonly kind: 'decode-step' }
  | { readonly kind: 'batch-running'; readonly unfinished: number }
  | { readonly kind: 'join-threshold'; readonly waiting: number; readonly needs: number };

/** The answer to "why is this request waiting?". */
export type WaitingFor = WaitReason | { readonly kind: 'head-of-line'; readonly behind: number };

export type PreemptionMode = 'recompute' | 'swap';

/**
 * What one iteration runs. Entry `i` computes `numTokens[i]` tokens of each live sequence of `requests[i]`,
 * from position `starts[i]` on. The executor does swaps out, swaps in, copies and then the forward pass.
 */
export class StepPlan {
  readonly step: number;
  readonly time: Seconds;
  readonly requests: Request[] = [];
  readonly numTokens: Tokens[] = [];
  readonly starts: Tokens[] = [];
  /** Whether the entry computes its last token, so that the next one is drawn: not so for a piece of a prompt. */
  readonly samples: boolean[] = [];
  /** Entries that sample. */
  numSamples = 0;
  /** Its tokens count as pending until it is booked: see `Scheduler.expect`. */
  expected = false;
  /** Sequences that each computes; samples forked from a prompt's last token are not among them. */
  readonly rows: number[] = [];
  /** Further requests that each decode one token, not named one by one: only for executors that asked for it. */
  together: DecodesTogether | undefined;
  /** Those that decoded together until now are on their own again. */
  parted = false;
  /** Rows of the forward pass: Σ tokens × live sequences. */
  totalTokens: Tokens = 0;
  /** Entries that are decodes: one known position each. */
  numDecodes = 0;
  readonly admitted: Request[] = [];
  readonly preempted: Request[] = [];
  copies: readonly BlockCopy[] = [];
  swappedOutBlocks = 0;
  swappedInBlocks = 0;
  /** Rows of ended sequences that a static batch still computes. */
  heldRows = 0;
  /** Padded batch: every row is this long in attention and prefill; 0 where rows keep their own length. */
  paddedLength: Tokens = 0;
  /** KV slots copied because a tensor grows by concatenation, or beams cannot share. */
  copiedTokens: Tokens = 0;
  /** Why the head of the queue stays out; undefined when the queue is empty. */
  blocked: { readonly request: Request; readonly reason: WaitReason } | undefined;

  constructor(step: number, time: Seconds) {
    this.step = step;
    this.time = time;
  }

  get empty(): boolean {
    return this.requests.length === 0 && this.together === undefined;
  }

  /** Requests that run, named or not. */
  get numRequests(): number {
    return this.requests.length + (this.together?.count ?? 0);
  }

  add(request: Request, count: Tokens): void {
    this.requests.push(request);
    this.numTokens.push(count);
    this.starts.push(request.numComputedTokens);
    this.rows.push(request.seqs.length);
    this.totalTokens += count * request.seqs.length;
    if (count === 1 && request.decoding) this.numDecodes++;
    request.lastStep = this.step;
  }

  /** Takes back a request that lost its memory to another one; returns the rows freed. */
  remove(request: Request): Tokens {
    const at = this.requests.indexOf(request);
    const rows = this.numTokens[at]! * request.seqs.length;
    this.rows.splice(at, 1);
    this.requests.splice(at, 1);
    this.numTokens.splice(at, 1);
    this.starts.splice(at, 1);
    this.totalTokens -= rows;
    if (request.decoding) this.numDecodes--;
    request.lastStep = -1;
    return rows;
  }
}

/** The part of a step that a `DecodeSet` stands for. */
export interface DecodesTogether {
  readonly count: number;
  /** Σ KV slots that their attention reads, the step's own included. */
  readonly context: Tokens;
  /** Those that end with this step, and those that were not among the last step's. */
  readonly ending: readonly Request[];
  readonly joined: readonly Request[];
}

/** What came of a step. */
export interface StepResult {
  readonly duration: Seconds;
  /** Sequences whose sampled token ends them (end of sequence, stop token). */
  readonly stopped: readonly Sequence[];
  /** Sampled token ids, one array per plan entry, one id per live sequence; absent in a simulation. */
  readonly tokens?: readonly (readonly number[])[];
  /** Beam search: for each new beam of a request, the index of the beam it continues. */
  readonly parents?: ReadonlyMap<Request, readonly number[]>;
}
