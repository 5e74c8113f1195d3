import type { DecodeSet } from './decode-set.ts';
import type { Listener } from './events.ts';
import { invariant } from './invariant.ts';
import type { KvMemory, Shortage } from './kv-memory.ts';
import type { Admission, Batching, Limits, Policy, SchedulerView } from './policies/policy.ts';
import { type FinishReason, type Request, Sequence } from './request.ts';
import {
  type PreemptionMode,
  StepPlan,
  type StepResult,
  type WaitingFor,
  type WaitReason,
} from './step-plan.ts';
import type { Seconds, Tokens } from './units.ts';
import { WaitingQueue } from './waiting-queue.ts';

/**
 * Decides, once an iteration, which requests compute how many tokens: vLLM v1's scheduler with its
 * order, admission, batching, memory and victim taken from a `Policy`. There is no prefill or decode
 * phase; each step brings `numComputedTokens` nearer to `numTokens`. Synchronous; time is an argument.
 */
export class Scheduler {
  readonly policy: Policy;
  readonly limits: Limits;
  readonly memory: KvMemory;
  readonly waiting: WaitingQueue;
  /** In order of admission. */
  readonly running: Request[] = [];
  readonly #admission: Admission;
  readonly #batching: Batching;
  readonly #listener: Listener | undefined;
  readonly #view: SchedulerView;
  readonly #decodes: DecodeSet | undefined;
  #step = 0;
  #now: Seconds = 0;
  #budget: Tokens = 0;
  /** Sequences of the running requests, those included that samples will be forked into. */
  #rows = 0;
  /** Running requests that have ended but are held by their batch. */
  #held = 0;
  #admissions = 0;
  #blocked: StepPlan['blocked'];
  /** The first running request that had to sit this step out. */
  #stalled: { readonly request: Request; readonly shortage: Shortage } | undefined;
  /** KV slots that the last beam selection wants copied where memory cannot fork. */
  #beamCopies: Tokens = 0;

  /** @param decodes advances decodes together: for executors that do not need them named (a simulation's). */
  constructor(policy: Policy, limits: Limits, memory: KvMemory, listener?: Listener, decodes?: DecodeSet) {
    this.policy = policy;
    this.limits = limits;
    this.memory = memory;
    this.waiting = new WaitingQueue(policy.order.compare);
    this.#admission = policy.admission();
    this.#batching = policy.batching();
    this.#listener = listener;
    const scheduler = this;
    this.#view = {
      get now() {
        return scheduler.#now;
      },
      running: this.running,
      get numWaiting() {
        return scheduler.waiting.size;
      },
      waiting: this.waiting,
      limits,
      memory: {
        capacity: memory.capacity,
        blockSize: memory.blockSize,
        kind: memory.kind,
        lookup: request => memory.lookup(request as Request),
      },
    };
    if (listener?.detail) this.#observeMemory(listener);
    // What a detailed trace names one by one cannot be advanced together; nor what loses or copies memory as it grows.
    if (decodes && !listener?.detail && !memory.trims && memory.kind !== 'padded') {
      this.#decodes = decodes;
      if (memory.kind === 'paged') decodes.usePhases(memory.blockSize);
    }
  }

  get numUnfinished(): number {
    return this.waiting.size + this.running.length;
  }

  /** Takes a request in; false when it could never run here, and is rejected at once. */
  add(request: Request, now: Seconds): boolean {
    this.#listener?.on({ type: 'arrived', time: now, request });
    const reason = this.#neverFits(request);
    if (reason) {
      request.status = 'rejected';
      this.#listener?.on({ type: 'rejected', time: now, request, reason });
      return false;
    }
    this.waiting.push(request);
    return true;
  }

  #neverFits(request: Request): string | undefined {
    const { maxModelLen, maxNumBatchedTokens, maxNumSeqs } = this.limits;
    const { promptTokens, width } = request;
    if (promptTokens >= maxModelLen) return `prompt of ${promptTokens} tokens, the context is ${maxModelLen}`;
    const atOnce = Math.min(maxNumSeqs, maxNumBatchedTokens);
    if (width > atOnce) return `${width} sequences, at most ${atOnce} run at once`;
    request.maxTokens = Math.min(request.maxTokens, maxModelLen - promptTokens);
    if (!this.memory.forks) this.#widen(request);
    if (this.#batching.chunking === 'none' && promptTokens * request.seqs.length > maxNumBatchedTokens) {
      return `prompt of ${promptTokens} tokens, a step takes ${maxNumBatchedTokens} and prompts run whole`;
    }
    const shortage = this.memory.fits(request, promptTokens + request.maxTokens);
    return shortage && `needs ${shortage.needs} blocks, the memory has ${shortage.free}`;
  }

  /** Rows for all samples: from the start where memory cannot fork, after the prompt where it can. */
  #widen(request: Request): void {
    const first = request.seqs[0]!;
    while (request.seqs.length < request.width) {
      const index = request.seqs.length;
      request.seqs.push(new Sequence(index, first.tokens?.fork?.(index)));
    }
  }

  schedule(now: Seconds): StepPlan {
    const plan = new StepPlan(this.#step++, now);
    this.#now = now;
    this.#budget = this.limits.maxNumBatchedTokens;
    this.#blocked = undefined;
    this.#stalled = undefined;
    if (this.#batching.mix === 'mixed') {
      this.#scheduleRunning(plan, 'all');
      // Nothing can go on: then somebody must yield after all.
      while (plan.empty && this.#stalled) this.#unstall(plan, this.#stalled);
      this.#admission.stepped?.();
      this.#scheduleWaiting(plan, 'any');
    } else {
      this.#scheduleRunning(plan, 'prefill');
      this.#scheduleWaiting(plan, 'prefill');
      if (plan.empty) {
        this.#budget = this.limits.maxNumBatchedTokens;
        this.#scheduleRunning(plan, 'decode');
        this.#scheduleWaiting(plan, 'swapped');
        this.#admission.stepped?.();
        this.#batching.decoded?.();
      }
    }
    this.#complete(plan);
    return plan;
  }

  #scheduleRunning(plan: StepPlan, phase: 'all' | 'prefill' | 'decode'): void {
    const { running } = this;
    for (let i = this.#takeDecodes(plan, phase); i < running.length && this.#budget > 0; i++) {
      const request = running[i]!;
      if (request.status === 'held') continue;
      if (phase !== 'all' && request.decoding !== (phase === 'decode')) continue;
      const count = this.#chunk(request, request.numTokens - request.numComputedTokens);
      // Not strict first come, first served: a smaller one behind may still fit the budget.
      if (count === 0) continue;
      const outcome = this.#makeRoom(plan, request, count);
      if (outcome === 'yielded') return;
      if (outcome === 'stalled') continue;
      if (plan.preempted.length > 0) i = running.indexOf(request);
      plan.add(request, count);
      this.#budget -= count * request.seqs.length;
    }
  }

  /** Grows a running request, at the expense of victims if need be; it may turn out to be the victim itself. */
  #makeRoom(plan: StepPlan, request: Request, count: Tokens): 'grown' | 'stalled' | 'yielded' {
    const { running, memory, policy } = this;
    for (let shortage = memory.grow(request, count); shortage; shortage = memory.grow(request, count)) {
      if (policy.stalls) {
        this.#stalled ??= { request, shortage };
        return 'stalled';
      }
      const candidates = running.filter(other => other.status === 'running');
      const victim = candidates[policy.victim.pick(candidates)]!;
      if (victim.clock) {
        this.#leave(victim);
        if (plan.together) this.#budget++;
      } else if (victim.lastStep === plan.step) this.#budget += plan.remove(victim);
      this.#preempt(plan, victim, running.indexOf(victim), request, shortage);
      if (victim === request) return 'yielded';
    }
    return 'grown';
  }

  /**
   * Schedules the decodes that advance together; returns where in the running list the others begin.
   * If that would be another order than one by one (someone in between, a short budget), all are named again
   * and 0 is returned.
   */
  #takeDecodes(plan: StepPlan, phase: 'all' | 'prefill' | 'decode'): number {
    const { running, memory } = this;
    const set = this.#decodes;
    if (!set || set.size === 0) return 0;
    let from = running.length;
    let others = 0;
    while (from > 0 && !running[from - 1]!.clock) if (running[--from]!.status !== 'held') others++;
    const named = running.length - set.size - this.#held;
    if (phase === 'prefill' && others === named) return from;
    const due = set.entering();
    const { victim, stalls } = this.policy;
    const short = memory.freeBlocks < due.length && (stalls || victim.name !== 'newest');
    if (others !== named || this.#budget < set.size || short) {
      for (const request of running) if (request.clock) this.#leave(request);
      return 0;
    }
    const claims = memory.caches && due !== set.filling() ? [...due, ...set.filling()] : due;
    for (const request of inOrder(claims)) {
      // An earlier one may have taken this one's memory.
      if (request.clock && this.#makeRoom(plan, request, 1) === 'yielded') break;
    }
    plan.together = { count: set.size, context: 0, ending: none, joined: none };
    this.#budget -= set.size;
    return Math.min(from, running.length);
  }

  #leave(request: Request): void {
    this.memory.settle(request);
    this.#decodes!.leave(request);
  }

  #unstall(plan: StepPlan, { request, shortage }: { request: Request; shortage: Shortage }): void {
    this.#stalled = undefined;
    this.#preempt(plan, this.running.at(-1)!, this.running.length - 1, request, shortage);
    this.#scheduleRunning(plan, 'all');
  }

  /** Tokens of each sequence that may run now out of `rest`, under the long-prefill threshold and the budget. */
  #chunk(request: Request, rest: Tokens): Tokens {
    const threshold = this.limits.longPrefillTokenThreshold;
    const wanted = threshold > 0 ? Math.min(rest, threshold) : rest;
    return Math.max(0, Math.min(wanted, Math.floor(this.#budget / request.seqs.length)));
  }

  #preempt(plan: StepPlan, victim: Request, at: number, by: Request, shortage: Shortage): void {
    this.running.splice(at, 1);
    this.#rows -= rowsOf(victim);
    const { preemption } = this.policy;
    // A half-computed prompt is cheaper to compute again than to move.
    const swap =
      victim.decoding && (preemption === 'swap' || (preemption === 'auto' && victim.seqs.length > 1));
    const moved = swap ? this.memory.swapOut(victim) : undefined;
    const mode: PreemptionMode = moved === undefined ? 'recompute' : 'swap';
    const lostTokens = moved === undefined ? victim.numComputedTokens * victim.seqs.length : 0;
    if (moved === undefined) {
      this.memory.free(victim);
      victim.numComputedTokens = 0;
    } else plan.swappedOutBlocks += moved;
    victim.status = mode === 'swap' ? 'swapped' : 'preempted';
    victim.numPreemptions++;
    this.waiting.pushFront(victim);
    plan.preempted.push(victim);
    this.#admission.preempted?.(this.#view);
    this.#listener?.on({
      type: 'preempted',
      time: plan.time,
      request: victim,
      mode,
      by,
      ...shortage,
      lostTokens,
    });
  }

  /** Admits from the head on; in a prefill-first step the swapped ones join the decodes, not the prefills. */
  #scheduleWaiting(plan: StepPlan, phase: 'any' | 'prefill' | 'swapped'): void {
    const { waiting } = this;
    if (waiting.size === 0) return;
    const compare = this.policy.order.arrange?.(this.#view);
    if (compare) waiting.arrange(compare);
    for (let head = waiting.peek(); head; head = waiting.peek()) {
      if (phase !== 'any' && (head.status === 'swapped') !== (phase === 'swapped')) return;
      const reason = this.#enter(plan, head);
      if (!reason) continue;
      this.#blocked = { request: head, reason };
      return;
    }
  }

  /** Lets the head of the queue in, or says why not. */
  #enter(plan: StepPlan, request: Request): WaitReason | undefined {
    const { limits, memory } = this;
    // Whoever enters now would take the memory that the victim was preempted for.
    if (plan.preempted.length > 0) return { kind: 'preemption' };
    if (this.#stalled) return { kind: 'no-blocks', ...this.#stalled.shortage };
    const held = this.#batching.mayJoin?.(this.#view);
    if (held) return held;
    const rows = request.seqs.length;
    if (this.#rows + rowsOf(request) > limits.maxNumSeqs)
      return { kind: 'max-num-seqs', limit: limits.maxNumSeqs };
    if (request.status === 'swapped') {
      if (rows > this.#budget) return { kind: 'token-budget', needs: rows, left: this.#budget };
      return this.#swapIn(plan, request);
    }

    const hit = memory.lookup(request);
    const rest = request.numTokens - hit;
    const count = this.#chunk(request, rest);
    const whole = Math.min(rest, limits.longPrefillTokenThreshold || rest);
    const cut = count < whole;
    const { chunking } = this.#batching;
    const alone = plan.empty && chunking === 'none';
    if (count === 0 || (cut && !alone && (chunking === 'none' || (chunking === 'first' && !plan.empty)))) {
      return { kind: 'token-budget', needs: whole * rows, left: this.#budget };
    }
    // A recomputed group may exceed the step where prompts run whole; alone it must go all the same.
    const tokens = cut && alone ? whole : count;
    const demand = this.#admission.demand(request, hit + tokens, this.#view);
    const headroom = this.running.length > 0 ? demand.headroom : 0;
    const shortage = memory.admit(request, tokens, { tokens: demand.tokens, headroom });
    if (shortage) return { kind: 'no-blocks', ...shortage };
    request.numComputedTokens = hit;
    request.numCachedTokens = hit;
    this.#admit(plan, request, tokens);
    return undefined;
  }

  #swapIn(plan: StepPlan, request: Request): WaitReason | undefined {
    const moved = this.memory.swapIn(request);
    if (!('blocks' in moved)) return { kind: 'no-blocks', ...moved };
    plan.swappedInBlocks += moved.blocks;
    const shortage = this.memory.grow(request, 1);
    invariant(!shortage, () => `request ${request.id} came back from swap without room to go on`);
    this.#admit(plan, request, 1);
    return undefined;
  }

  #admit(plan: StepPlan, request: Request, count: Tokens): void {
    this.waiting.shift();
    const from = request.status as 'waiting' | 'preempted' | 'swapped';
    request.status = 'running';
    request.order = this.#admissions++;
    this.running.push(request);
    this.#rows += rowsOf(request);
    plan.add(request, count);
    plan.admitted.push(request);
    this.#budget -= count * request.seqs.length;
    this.#batching.joined?.();
    this.#listener?.on({
      type: 'admitted',
      time: plan.time,
      request,
      from,
      cachedTokens: from === 'swapped' ? 0 : request.numCachedTokens,
    });
  }

  #complete(plan: StepPlan): void {
    const { memory } = this;
    plan.copies = memory.takeCopies();
    plan.blocked = this.#blocked;
    const reason = plan.blocked?.reason;
    memory.unmet = reason?.kind === 'no-blocks' ? reason : undefined;
    if (plan.blocked) this.#listener?.on({ type: 'blocked', time: plan.time, ...plan.blocked });
    if (this.#batching.holdsFinished) {
      for (const request of this.running) {
        plan.heldRows += request.status === 'held' ? request.width : request.done.length;
      }
    }
    // Read before the step's own token is counted: that is what is copied to make room for it.
    plan.copiedTokens = this.#beamCopies + (plan.numDecodes > 0 ? (memory.tensor?.().copied ?? 0) : 0);
    this.#beamCopies = 0;
    for (let i = 0; i < plan.requests.length; i++) memory.advance(plan.requests[i]!, plan.numTokens[i]!);
    if (plan.together) this.#advanceTogether(plan, this.#decodes!);
    plan.paddedLength = memory.tensor?.().length ?? 0;
    if (this.#listener?.detail) {
      for (const [i, request] of plan.requests.entries()) {
        const tokens = plan.numTokens[i]!;
        this.#listener?.on({ type: 'scheduled', time: plan.time, request, start: plan.starts[i]!, tokens });
      }
    }
    invariant(
      plan.totalTokens <= this.limits.maxNumBatchedTokens || plan.numRequests === 1,
      () => `step of ${plan.totalTokens} tokens exceeds ${this.limits.maxNumBatchedTokens}`,
    );
    invariant(this.#rows <= this.limits.maxNumSeqs, () => `${this.#rows} sequences run`);
  }

  #advanceTogether(plan: StepPlan, set: DecodeSet): void {
    const { size: count, joined } = set;
    if (count === 0) {
      plan.together = undefined;
      return;
    }
    this.memory.advanceTogether(count);
    set.tickComputed();
    plan.together = { count, context: set.contextTokens, ending: set.ending(), joined };
    plan.totalTokens += count;
    plan.numDecodes += count;
  }

  /** Applies what the executor returned, at time `now`: tokens, forks, ends, freed memory. Returns who ended. */
  update(plan: StepPlan, result: StepResult, now: Seconds): readonly Request[] {
    for (const seq of result.stopped) seq.stopped = true;
    if (this.#listener) {
      const usage = this.memory.usage();
      this.#listener.on({ type: 'step', time: plan.time, end: now, plan, result, usage });
    }
    const ended: Request[] = [];
    for (const request of this.#due(plan)) {
      if (request.clock) this.#leave(request);
      else if (!this.#bookTokens(request, result, now)) continue;
      if (this.#endSequences(request)) ended.push(request);
      else if (request.width === 1) this.#decodes?.join(request, this.#outputLimit(request));
    }
    return this.#batching.holdsFinished ? this.#releaseBatch(now) : this.#retire(ended, now);
  }

  /** Requests of the plan that need a look, in the order of the running list. */
  #due(plan: StepPlan): readonly Request[] {
    if (!plan.together) return plan.requests;
    this.#decodes!.tickOutputs();
    const { ending } = plan.together;
    if (ending.length === 0) return plan.requests;
    return inOrder([...plan.requests, ...ending.filter(request => request.clock)]);
  }

  /** Books one token for each live sequence; false for a piece of a prompt, and for who was aborted meanwhile. */
  #bookTokens(request: Request, result: StepResult, now: Seconds): boolean {
    if (request.status !== 'running' || request.numComputedTokens < request.numTokens) return false;
    if (request.numOutputTokens === 0 && this.memory.forks && request.width > 1) this.#forkSamples(request);
    const parents = result.parents?.get(request);
    if (parents) this.#selectBeams(request, parents);
    request.numOutputTokens++;
    if (this.#listener?.detail) {
      const index = request.numOutputTokens - 1;
      for (const sequence of request.seqs) {
        this.#listener.on({ type: 'token', time: now, request, sequence, index });
      }
    }
    return true;
  }

  #outputLimit(request: Request): Tokens {
    return Math.min(request.maxTokens, this.limits.maxModelLen - request.promptTokens);
  }

  #forkSamples(request: Request): void {
    const first = request.seqs[0]!;
    this.#widen(request);
    for (const seq of request.seqs) if (seq !== first) this.#fork(request, first, seq);
  }

  #fork(request: Request, from: Sequence, to: Sequence): void {
    this.memory.fork(request, from, to);
    if (this.#listener?.detail) {
      this.#listener?.on({ type: 'forked', time: this.#now, request, from: from.index, to: to.index });
    }
  }

  /** Beam `i` goes on from `parents[i]`: chosen beams are forked, the others freed (vLLM paper §4.4). */
  #selectBeams(request: Request, parents: readonly number[]): void {
    const kept = new Set(parents);
    if (!this.memory.forks) {
      this.#beamCopies += (parents.length - kept.size) * request.numComputedTokens;
      return;
    }
    const old = request.seqs;
    const taken = new Set<number>();
    request.seqs = parents.map(parent => {
      const from = old[parent]!;
      if (!taken.has(parent)) {
        taken.add(parent);
        return from;
      }
      const index = request.numSequences++;
      const seq = new Sequence(index, from.tokens?.fork?.(index));
      this.#fork(request, from, seq);
      return seq;
    });
    for (const [i, seq] of old.entries()) if (!kept.has(i)) this.memory.freeSequence(request, seq);
  }

  /** Ends the sequences that stop here; true when none is left. */
  #endSequences(request: Request): boolean {
    const full = request.numOutputTokens >= this.#outputLimit(request);
    let ends = full;
    for (const seq of request.seqs) ends ||= seq.stopped;
    if (!ends) return false;
    for (const seq of request.seqs) {
      if (!full && !seq.stopped) continue;
      seq.finishReason = seq.stopped ? 'stop' : 'length';
      this.#endSequence(request, seq);
    }
    request.seqs = request.seqs.filter(seq => !seq.finishReason);
    return request.seqs.length === 0;
  }

  #endSequence(request: Request, seq: Sequence): void {
    seq.outputTokens = request.numOutputTokens;
    request.done.push(seq);
    this.#rows--;
    if (this.#batching.holdsFinished) this.memory.hold(request, seq);
    else this.memory.freeSequence(request, seq);
  }

  #retire(ended: Request[], now: Seconds): readonly Request[] {
    if (ended.length === 0) return ended;
    const gone = new Set(ended);
    let kept = 0;
    for (const request of this.running) if (!gone.has(request)) this.running[kept++] = request;
    this.running.length = kept;
    for (const request of ended) {
      this.memory.free(request);
      // Its client left long ago; only its row of the batch had stayed.
      request.status = request.done.some(seq => seq.finishReason === 'abort') ? 'aborted' : 'finished';
      if (request.status === 'finished') this.#listener?.on({ type: 'finished', time: now, request });
    }
    return ended;
  }

  /** Static batching: nobody leaves before all have ended. */
  #releaseBatch(now: Seconds): readonly Request[] {
    let unfinished = false;
    this.#held = 0;
    for (const request of this.running) {
      if (request.seqs.length > 0) unfinished = true;
      else {
        request.status = 'held';
        this.#held++;
      }
    }
    if (unfinished) return [];
    this.#held = 0;
    return this.#retire([...this.running], now);
  }

  /** The client is gone: everything the request holds is free at once (a static batch keeps its row). */
  abort(request: Request, now: Seconds): boolean {
    const finishReason: FinishReason = 'abort';
    switch (request.status) {
      case 'waiting':
      case 'preempted':
      case 'swapped':
        this.waiting.remove(request);
        if (request.status === 'swapped') this.memory.dropSwapped(request);
        break;
      case 'running':
        if (request.clock) this.#leave(request);
        if (this.#batching.holdsFinished) {
          this.#listener?.on({ type: 'aborted', time: now, request });
          for (const seq of request.seqs) this.#endSequence(request, Object.assign(seq, { finishReason }));
          request.seqs = [];
          this.#releaseBatch(now);
          return true;
        }
        this.running.splice(this.running.indexOf(request), 1);
        this.#rows -= rowsOf(request);
        this.memory.free(request);
        break;
      case 'held':
      case 'finished':
      case 'aborted':
      case 'rejected':
        return false;
      default:
        request.status satisfies never;
    }
    request.status = 'aborted';
    this.#listener?.on({ type: 'aborted', time: now, request });
    return true;
  }

  /** Why `request` did not enter in the last step; undefined if it does not wait. */
  whyWaiting(request: Request): WaitingFor | undefined {
    const blocked = this.#blocked;
    if (!blocked || !['waiting', 'preempted', 'swapped'].includes(request.status)) return undefined;
    return blocked.request === request
      ? blocked.reason
      : { kind: 'head-of-line', behind: blocked.request.id };
  }

  #observeMemory(listener: Listener): void {
    const at = () => this.#now;
    this.memory.observer = {
      allocated: (request, seq, blocks) =>
        listener.on({ type: 'allocated', time: at(), request, sequence: seq.index, blocks }),
      cacheHit: (request, tokens) => listener.on({ type: 'cache-hit', time: at(), request, tokens }),
      evicted: block => listener.on({ type: 'evicted', time: at(), block }),
      copied: ({ request, src, dst }) => listener.on({ type: 'copied', time: at(), request, src, dst }),
    };
  }

  checkIntegrity(): void {
    this.memory.checkIntegrity();
    const rows = this.running.reduce((sum, request) => sum + rowsOf(request), 0);
    invariant(rows === this.#rows, () => `${rows} sequences run, the counter says ${this.#rows}`);
    for (const request of this.running) {
      invariant(
        request.status === 'running' || request.status === 'held',
        () => `request ${request.id} is ${request.status} but in the running list`,
      );
      invariant(
        request.numComputedTokens <= request.numTokens,
        () =>
          `request ${request.id} has computed ${request.numComputedTokens} of ${request.numTokens} tokens`,
      );
    }
    for (const request of this.waiting) {
      invariant(
        request && ['waiting', 'preempted', 'swapped'].includes(request.status),
        () => `request ${request?.id} is ${request?.status} but in the queue`,
      );
    }
  }
}

const none: readonly Request[] = [];

/** Sorted as the running list is. */
function inOrder(requests: readonly Request[]): readonly Request[] {
  return requests.length < 2 ? requests : [...requests].sort((a, b) => a.order - b.order);
}

/** Sequences it runs, or will run once its samples are forked. */
function rowsOf(request: Request): number {
  return request.numOutputTokens === 0 ? request.width : request.seqs.length;
}
