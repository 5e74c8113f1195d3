import type { DecodeClock } from './decode-set.ts';
import { NO_NODE, type PrefixNode } from './prefix-cache.ts';
import type { TokenSource } from './token-source.ts';
import type { BlockId, Seconds, Tokens } from './units.ts';

/** `held`: done, but its static batch is not, so its memory and its row of the batch stay taken. */
export type RequestStatus =
  | 'waiting'
  | 'running'
  | 'held'
  | 'preempted'
  | 'swapped'
  | 'finished'
  | 'aborted'
  | 'rejected';

/** `stop`: the model ended it; `length`: `max_tokens` or the context did. */
export type FinishReason = 'stop' | 'length' | 'abort';

/** What a client asks for. Lengths in tokens, `arrival` in seconds. */
export interface RequestSpec {
  readonly arrival: Seconds;
  readonly promptTokens: Tokens;
  readonly maxTokens: Tokens;
  /** Parallel samples of one prompt (default 1, or as many as there are true lengths). */
  readonly n?: number | undefined;
  /** Beam search of this width; then `n` is ignored. */
  readonly beamWidth?: number | undefined;
  /** Lower is sooner, as in vLLM (default 0). */
  readonly priority?: number | undefined;
  readonly tokens?: TokenSource | undefined;
  readonly cacheSalt?: string | undefined;
  readonly loraId?: string | undefined;
  /** True output length of each sample: see `Request.truth`. */
  readonly truth?: readonly Tokens[] | undefined;
}

/** One sample or beam of a request: a block table. */
export class Sequence {
  readonly index: number;
  /** Physical blocks in logical order; `NULL_BLOCK` where the sliding window has passed. */
  blocks: BlockId[] = [];
  /** Tokens generated when it ended; while it lives, its request counts for it. */
  outputTokens: Tokens = 0;
  finishReason: FinishReason | undefined;
  tokens: TokenSource | undefined;
  /** The executor saw its end-of-sequence token in the last step. */
  stopped = false;
  /** Prefix-cache cursor: leading blocks already registered, and the node of the last of them. */
  registered = 0;
  node: PrefixNode = NO_NODE;
  /** Leading blocks given back because the sliding window has passed them. */
  trimmed = 0;
  /** Slots claimed for it that it will never fill; kept by the memory. */
  unused: Tokens = 0;

  constructor(index: number, tokens: TokenSource | undefined) {
    this.index = index;
    this.tokens = tokens;
  }
}

/**
 * A request and its life. It is the unit of scheduling: its live sequences advance together,
 * so one count of computed and of generated tokens serves them all (gang scheduling, vLLM paper §4.5).
 */
export class Request {
  readonly id: number;
  readonly arrival: Seconds;
  readonly promptTokens: Tokens;
  readonly priority: number;
  /** Samples asked for, or the beam width. */
  readonly width: number;
  readonly beam: boolean;
  readonly cacheKey: string;
  readonly tokens: TokenSource | undefined;
  /** True output lengths, known to simulations and to the oracle policies only: see `HonestRequest`. */
  readonly truth: readonly Tokens[] | undefined;
  maxTokens: Tokens;

  status: RequestStatus = 'waiting';
  /** Live sequences: one until the prompt is computed where memory can fork, `width` of them otherwise. */
  seqs: Sequence[];
  /** Sequences that have ended. */
  done: Sequence[] = [];
  /** Set while it is in a `DecodeSet`: its counts are then kept relative to this clock. */
  #clock: DecodeClock | undefined;
  #computed: Tokens = 0;
  #outputs: Tokens = 0;
  /** Of the last admission: prompt tokens found in the prefix cache. */
  numCachedTokens: Tokens = 0;
  numPreemptions = 0;
  /** Tokens drawn by steps that are not booked yet: they have places, but nobody knows them (`Scheduler.expect`). */
  numPending: Tokens = 0;
  /** Sequences made so far: the next one's index. */
  numSequences: number;
  /** The last step that scheduled it by name (see `StepPlan.together`). */
  lastStep = -1;
  /** While in a `DecodeSet`: the reading of `clock.outputs` at which it ends. */
  endTick = -1;
  /** Rank of its last admission: the order of the running list. */
  order = -1;

  constructor(id: number, spec: RequestSpec) {
    this.id = id;
    this.arrival = spec.arrival;
    this.promptTokens = spec.promptTokens;
    this.maxTokens = spec.maxTokens;
    this.priority = spec.priority ?? 0;
    this.beam = spec.beamWidth !== undefined;
    this.width = spec.beamWidth ?? spec.n ?? spec.truth?.length ?? 1;
    this.tokens = spec.tokens;
    this.truth = spec.truth;
    // Salt and adapter separate the cache completely: the same text under another key is another prefix.
    // As JSON, so that no salt can be worded to look like another adapter's.
    this.cacheKey =
      spec.loraId || spec.cacheSalt ? JSON.stringify([spec.loraId ?? '', spec.cacheSalt ?? '']) : '';
    this.numSequences = this.width;
    this.seqs = [new Sequence(0, spec.tokens)];
  }

  /** Tokens of each live sequence whose KV is in memory. Advances when a step is scheduled. */
  get numComputedTokens(): Tokens {
    return this.#clock === undefined ? this.#computed : this.#computed + this.#clock.computed;
  }

  set numComputedTokens(count: Tokens) {
    this.#computed = this.#clock === undefined ? count : count - this.#clock.computed;
  }

  /** Tokens generated by each live sequence. Advances when a step's result is booked. */
  get numOutputTokens(): Tokens {
    return this.#clock === undefined ? this.#outputs : this.#outputs + this.#clock.outputs;
  }

  set numOutputTokens(count: Tokens) {
    this.#outputs = this.#clock === undefined ? count : count - this.#clock.outputs;
  }

  get clock(): DecodeClock | undefined {
    return this.#clock;
  }

  set clock(clock: DecodeClock | undefined) {
    const [computed, outputs] = [this.numComputedTokens, this.numOutputTokens];
    this.#clock = clock;
    this.numComputedTokens = computed;
    this.numOutputTokens = outputs;
  }

  /** Prompt and output of each live sequence, with what is still under way. */
  get numTokens(): Tokens {
    return this.promptTokens + this.numOutputTokens + this.numPending;
  }

  /** Whether its next tokens come one a step (decode) rather than from a known text (prefill). */
  get decoding(): boolean {
    const { numTokens } = this;
    return numTokens > this.promptTokens && this.numComputedTokens === numTokens - 1;
  }

  /**
   * Slots `seq` will have filled at its end: the truth in a simulation, the promised bound elsewhere.
   * One less than its tokens, for the last one's KV is never computed.
   */
  finalSlots(seq: Sequence): Tokens {
    return this.promptTokens + this.finalOutputs(seq) - 1;
  }

  /** Output tokens of `seq` at its end; beams all end with the first true length. */
  finalOutputs(seq: Sequence): Tokens {
    const outputs = this.beam ? this.truth?.[0] : (this.truth?.[seq.index] ?? this.truth?.[0]);
    return Math.min(outputs ?? this.maxTokens, this.maxTokens);
  }
}

/** A sequence without what follows from its true length. */
type HonestSequence = Omit<Sequence, 'unused'>;

/** What a policy is given: everything but the truth, and what follows from it. Only the oracles' memory sees more. */
export type HonestRequest = Omit<
  Request,
  'truth' | 'finalSlots' | 'finalOutputs' | 'endTick' | 'clock' | 'seqs' | 'done'
> & { readonly seqs: readonly HonestSequence[] };
