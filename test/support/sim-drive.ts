import fc from 'fast-check';
import type { EngineEvent } from '../../src/core/events.ts';
import type { KvMemory } from '../../src/core/kv-memory.ts';
import { createMemory } from '../../src/core/memory/create.ts';
import type { Limits, Policy } from '../../src/core/policies/policy.ts';
import { Request, type Sequence } from '../../src/core/request.ts';
import { Scheduler } from '../../src/core/scheduler.ts';
import type { StepPlan, StepResult } from '../../src/core/step-plan.ts';
import type { TokenSource } from '../../src/core/token-source.ts';

/** One request of a scenario. Times are steps: a step of the driver lasts one second. */
export interface Ask {
  /** Steps after the request before it. */
  readonly gap: number;
  readonly prompt: number;
  readonly maxTokens: number;
  /** True output lengths, one a sample. */
  readonly outputs: readonly number[];
  readonly beamWidth?: number | undefined;
  readonly priority?: number;
  /** 0: unknown content; 1, 2 …: one of these texts, shared from the start; −1: a text of its own. */
  readonly text?: number;
  /** Steps after its arrival at which the client hangs up; between steps, or while one runs. */
  readonly abortAfter?: number | undefined;
  readonly midStep?: boolean;
}

export interface Scenario extends Partial<Limits> {
  readonly asks: readonly Ask[];
  readonly blocks: number;
  readonly hostBlocks?: number;
  readonly slidingWindow?: number | undefined;
  /** Set the long-prefill threshold even where prompts run whole. */
  readonly keepThreshold?: boolean;
}

/** Sees every step of a drive; throws (or expects) when something is wrong. */
export interface Watch {
  arrived?(drive: Drive, request: Request, accepted: boolean): void;
  before?(drive: Drive): void;
  planned?(drive: Drive, plan: StepPlan): void;
  updated?(drive: Drive, plan: StepPlan): void;
  ended?(drive: Drive): void;
  livelocked?(drive: Drive): void;
}

const MACHINE = { gpuMemory: 80 * 2 ** 30, isA100: true };
const MAX_EMPTY = 3;

/** A scheduler driven step by step over a model that stops each sample at its true length. */
export class Drive {
  readonly policy: Policy;
  readonly limits: Limits;
  readonly memory: KvMemory;
  readonly scheduler: Scheduler;
  readonly events: EngineEvent[] = [];
  readonly requests: Request[] = [];
  readonly plans: StepPlan[] = [];
  now = 0;
  /** Whether a sequence ended by itself in the last step. */
  stopped = false;
  /** Nothing could be planned any more; the drive was given up. */
  livelock = false;
  readonly #asks: { at: number; ask: Ask }[];
  readonly #aborts: { at: number; request: Request; midStep: boolean }[] = [];

  constructor(policy: Policy, scenario: Scenario, onEvent?: (event: EngineEvent) => void) {
    const { asks, blocks, hostBlocks = 0, slidingWindow, keepThreshold, ...limits } = scenario;
    this.policy = policy;
    const defaults = policy.limits({ ...MACHINE, maxModelLen: limits.maxModelLen ?? 64 });
    // Prompts that run whole have no longest piece; a case of its own asks what a threshold does to them.
    const whole = policy.batching().chunking === 'none' && !keepThreshold && { longPrefillTokenThreshold: 0 };
    this.limits = { ...defaults, ...limits, ...whole };
    const { blockSize } = this.limits;
    this.memory = createMemory(policy.memory, this.limits, {
      slots: blocks * blockSize,
      hostSlots: hostBlocks * blockSize,
      ...(slidingWindow !== undefined && { slidingWindow }),
    });
    this.scheduler = new Scheduler(policy, this.limits, this.memory, {
      detail: true,
      on: event => {
        this.events.push(event);
        onEvent?.(event);
      },
    });
    let at = 0;
    this.#asks = asks.map(ask => ({ at: (at += ask.gap), ask }));
  }

  /** To the end, or to a livelock: only one test is about those. */
  run(watch: Watch = {}): this {
    let empty = 0;
    let next = 0;
    for (let steps = 0; ; steps++) {
      if (steps > 20_000) throw new Error('no end after 20,000 steps');
      while (next < this.#asks.length && this.#asks[next]!.at <= this.now)
        this.#arrive(this.#asks[next++]!, watch);
      this.#abort(false);
      if (this.scheduler.numUnfinished === 0) {
        if (next === this.#asks.length) break;
        this.now = this.#asks[next]!.at;
        continue;
      }
      watch.before?.(this);
      const plan = this.scheduler.schedule(this.now);
      this.plans.push(plan);
      watch.planned?.(this, plan);
      if (plan.empty) {
        if (++empty <= MAX_EMPTY) continue;
        this.livelock = true;
        watch.livelocked?.(this);
        return this;
      }
      empty = 0;
      const result = playModel(plan);
      this.stopped = result.stopped.length > 0;
      this.now++;
      this.#abort(true);
      this.scheduler.update(plan, result, this.now);
      watch.updated?.(this, plan);
    }
    watch.ended?.(this);
    return this;
  }

  #arrive({ at, ask }: { at: number; ask: Ask }, watch: Watch): void {
    const id = this.requests.length;
    const tokens = ask.text ? new GuardedText(ask.text < 0 ? 1000 + id : ask.text) : undefined;
    const request = new Request(id, {
      arrival: at,
      promptTokens: ask.prompt,
      maxTokens: ask.maxTokens,
      n: ask.outputs.length,
      truth: ask.outputs,
      ...(ask.beamWidth !== undefined && { beamWidth: ask.beamWidth }),
      ...(ask.priority !== undefined && { priority: ask.priority }),
      ...(tokens && { tokens }),
    });
    if (tokens) tokens.known = () => request.numTokens;
    this.requests.push(request);
    const accepted = this.scheduler.add(request, this.now);
    if (accepted && ask.abortAfter !== undefined) {
      this.#aborts.push({ at: at + ask.abortAfter, request, midStep: ask.midStep ?? false });
    }
    watch.arrived?.(this, request, accepted);
  }

  #abort(midStep: boolean): void {
    for (let i = 0; i < this.#aborts.length; ) {
      const due = this.#aborts[i]!;
      if (due.at > this.now || due.midStep !== midStep) i++;
      else {
        this.#aborts.splice(i, 1);
        this.scheduler.abort(due.request, this.now);
      }
    }
  }

  /** Sequences that run or, before their prompt is computed, will. */
  get rows(): number {
    return this.scheduler.running.reduce((sum, request) => sum + rowsOf(request), 0);
  }

  count(type: EngineEvent['type']): number {
    return this.events.filter(event => event.type === type).length;
  }
}

export const rowsOf = (request: Request) =>
  request.numOutputTokens === 0 ? request.width : request.seqs.length;

/** Token ids by text and position; reading what nobody can know yet throws. */
class GuardedText implements TokenSource {
  known: () => number = () => Number.POSITIVE_INFINITY;
  readonly #text: number;

  constructor(text: number) {
    this.#text = text;
  }

  at(position: number): number {
    if (position >= this.known())
      throw new RangeError(`token ${position} of ${this.known()} is not known yet`);
    return this.#text * 100_000 + position;
  }

  fork(index: number): TokenSource {
    const fork = new GuardedText(this.#text + index * 0.001);
    // Like this one in the prompt, which ends where its first output begins.
    const outputsFrom = this.known();
    return {
      at: position => (position < outputsFrom ? this.at(position) : Math.round(fork.at(position) * 1000)),
    };
  }
}

/** What a model would do: stop each sample at its true length; let beams change places now and then. */
export function playModel(plan: StepPlan): StepResult {
  const stopped: Sequence[] = [];
  const parents = new Map<Request, number[]>();
  for (const request of plan.requests) {
    if (request.numComputedTokens < request.numTokens) continue;
    const next = request.numOutputTokens + 1;
    const truth = (index: number) => request.truth?.[index] ?? request.truth?.[0] ?? Number.POSITIVE_INFINITY;
    if (!request.beam) stopped.push(...request.seqs.filter(seq => next >= truth(seq.index)));
    else if (next >= truth(0)) stopped.push(...request.seqs);
    else if (request.seqs.length > 1) {
      const choose = (i: number) => (request.id * 7 + next * 13 + i * 5) % 11;
      parents.set(
        request,
        request.seqs.map((_, i) => (choose(i) < 3 ? choose(i + 1) % request.seqs.length : i)),
      );
    }
  }
  return { duration: 1, stopped, parents };
}

/** An `expect` that costs nothing while it holds: these run millions of times. */
export function ensure(holds: boolean, message: () => string): asserts holds {
  if (!holds) throw new Error(message());
}

/** What a plan decided, comparable between two drives. */
export function fingerprint(plan: StepPlan): unknown {
  const ids = (requests: readonly Request[]) => requests.map(request => request.id);
  return {
    step: plan.step,
    time: plan.time,
    requests: ids(plan.requests),
    numTokens: plan.numTokens,
    starts: plan.starts,
    admitted: ids(plan.admitted),
    preempted: ids(plan.preempted),
    copies: plan.copies.map(({ request, src, dst }) => [request.id, src, dst]),
    swapped: [plan.swappedOutBlocks, plan.swappedInBlocks],
    blocked: plan.blocked && [plan.blocked.request.id, plan.blocked.reason],
    rows: [plan.totalTokens, plan.numDecodes, plan.heldRows, plan.paddedLength, plan.copiedTokens],
    tables: plan.requests.map(request => request.seqs.map(seq => [...seq.blocks])),
  };
}

interface ArbitraryOptions {
  readonly samples?: boolean;
  readonly aborts?: boolean;
  readonly window?: boolean;
  readonly content?: boolean;
}

export function askArbitrary(options: ArbitraryOptions = {}): fc.Arbitrary<Ask> {
  const { samples = true, aborts = true, content = true } = options;
  const asks = fc.record({
    gap: fc.oneof(
      { weight: 3, arbitrary: fc.constant(0) },
      { weight: 2, arbitrary: fc.integer({ min: 0, max: 8 }) },
    ),
    prompt: fc.integer({ min: 1, max: 30 }),
    maxTokens: fc.integer({ min: 1, max: 30 }),
    outputs: fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 1 }).chain(one =>
      samples
        ? fc.oneof(
            { weight: 4, arbitrary: fc.constant(one) },
            {
              weight: 1,
              arbitrary: fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 2, maxLength: 3 }),
            },
          )
        : fc.constant(one),
    ),
    beamWidth: samples
      ? fc.oneof(
          { weight: 5, arbitrary: fc.constant(undefined) },
          { weight: 1, arbitrary: fc.integer({ min: 1, max: 4 }) },
        )
      : fc.constant(undefined),
    priority: fc.integer({ min: 0, max: 2 }),
    text: content ? fc.integer({ min: -1, max: 2 }) : fc.constant(0),
    abortAfter: aborts
      ? fc.oneof(
          { weight: 4, arbitrary: fc.constant(undefined) },
          { weight: 1, arbitrary: fc.integer({ min: 0, max: 40 }) },
        )
      : fc.constant(undefined),
    midStep: fc.boolean(),
  });
  return asks.map(ask => {
    const { outputs, beamWidth } = ask;
    if (outputs.length === 1 && beamWidth === undefined) return ask;
    // Samples that end with their first token have a test of their own; a beam search has one true length.
    const longer = outputs.map(length => Math.max(2, length));
    return { ...ask, outputs: beamWidth === undefined ? longer : longer.slice(0, 1) };
  });
}

export function scenarioArbitrary(options: ArbitraryOptions = {}): fc.Arbitrary<Scenario> {
  const { window = true } = options;
  return fc.record({
    asks: fc.array(askArbitrary(options), { minLength: 1, maxLength: 14 }),
    blocks: fc.integer({ min: 3, max: 40 }),
    hostBlocks: fc.constantFrom(0, 4, 100),
    blockSize: fc.constantFrom(1, 2, 4, 8),
    maxModelLen: fc.constantFrom(24, 40, 64),
    maxNumSeqs: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.constant(Number.POSITIVE_INFINITY)),
    maxNumBatchedTokens: fc.oneof(fc.integer({ min: 3, max: 64 }), fc.constant(Number.POSITIVE_INFINITY)),
    longPrefillTokenThreshold: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 12 })),
    watermark: fc.constantFrom(0, 0, 0.01, 0.2),
    maxBatchTotalTokens: fc.constantFrom(Number.POSITIVE_INFINITY, 80),
    slidingWindow: window
      ? fc.oneof(fc.constant(undefined), fc.integer({ min: 1, max: 24 }))
      : fc.constant(undefined),
  });
}
