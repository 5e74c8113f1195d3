import type { DecodeSet } from './decode-set.ts';
import type { Listener } from './events.ts';
import { invariant } from './invariant.ts';
import type { KvMemory, Shortage } from './kv-memory.ts';
import { memoryEvents } from './memory-events.ts';
import type { Admission, Batching, Limits, Policy, SchedulerView } from './policies/policy.ts';
import type { Request, RequestStatus } from './request.ts';
import { inOrder, RunningList, rowsOf } from './running-list.ts';
import { StepBooking, widen } from './step-booking.ts';
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
  readonly #running: RunningList;
  readonly #booking: StepBooking;
  readonly #admission: Admission;
  readonly #batching: Batching;
  readonly #listener: Listener | undefined;
  readonly #view: SchedulerView;
  #step = 0;
  #now: Seconds = 0;
  /** Of the last step that was booked. */
  #lastEnd: Seconds = 0;
  #budget: Tokens = 0;
  #blocked: StepPlan['blocked'];
  /** Of plans that ran nothing: told by the next one that does. */
  #parted = false;
  #swappedOut = 0;
  /** The first running request that had to sit this step out. */
  #stalled: { readonly request: Request; readonly shortage: Shortage } | undefined;

  /** @param decodes advances decodes together: for executors that do not need them named (a simulation's). */
  constructor(policy: Policy, limits: Limits, memory: KvMemory, listener?: Listener, decodes?: DecodeSet) {
    this.policy = policy;
    this.limits = limits;
    this.memory = memory;
    this.waiting = new WaitingQueue(policy.order.compare);
    this.#admission = policy.admission();
    this.#batching = policy.batching();
    this.#listener = listener;
    // What a detailed trace names one by one cannot be advanced together.
    this.#running = new RunningList(memory, listener?.detail ? undefined : decodes);
    this.#booking = new StepBooking(this.#running, memory, limits, this.#batching.holdsFinished, listener);
    const scheduler = this;
    this.#view = {
      running: this.running,
      get numWaiting() {
        return scheduler.waiting.size;
      },
      waiting: this.waiting,
      limits,
      memory: {
        capacity: memory.capacity,
        lookup: request => memory.lookup(request as Request),
      },
    };
    if (listener?.detail) memory.observer = memoryEvents(listener, () => this.#now);
  }

  /** In order of admission. */
  get running(): readonly Request[] {
    return this.#running.requests;
  }

  get numUnfinished(): number {
    return this.waiting.size + this.running.length;
  }

  /** Takes a request in; false when it could never run here, and is rejected at once. */
  add(request: Request, now: Seconds): boolean {
    this.#listener?.on({ type: 'arrived', time: now, request });
    request.maxTokens = Math.min(request.maxTokens, this.limits.maxModelLen - request.promptTokens);
    if (!this.memory.forks) widen(request);
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
    if (this.#batching.chunking === 'none' && promptTokens * request.seqs.length > maxNumBatchedTokens) {
      return `prompt of ${promptTokens} tokens, a step takes ${maxNumBatchedTokens} and prompts run whole`;
    }
    const shortage = this.memory.fits(request, promptTokens + request.maxTokens);
    return shortage && `needs ${shortage.needs} blocks, the memory has ${shortage.free}`;
  }

  /** Plans one iteration at time `now`, in seconds. The plan may be empty when all that can run was just preempted. */
  schedule(now: Seconds): StepPlan {
    const plan = new StepPlan(this.#step++, now);
    plan.swappedOutBlocks = this.#swappedOut;
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
    // A plan that runs nothing is heard of by nobody: the next one tells.
    if (plan.empty) this.#swappedOut = plan.swappedOutBlocks;
    else {
      plan.parted = this.#parted;
      this.#parted = false;
      this.#swappedOut = 0;
    }
    return plan;
  }

  #scheduleRunning(plan: StepPlan, phase: 'all' | 'prefill' | 'decode'): void {
    const { running } = this;
    for (let i = this.#takeDecodes(plan, phase); i < running.length && this.#budget > 0; i++) {
      const request = running[i]!;
      if (request.status === 'held') continue;
      // What is under way is its last token.
      if (request.numPending > 0 && request.numOutputTokens + request.numPending >= request.maxTokens)
        continue;
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
      // What it was to compute in this step goes back to the budget.
      if (victim.clock && plan.together) this.#budget++;
      else if (victim.lastStep === plan.step) this.#budget += plan.remove(victim);
      this.#preempt(plan, victim, request, shortage);
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
    const { memory } = this;
    const set = this.#running.decodes;
    if (!set || set.size === 0) return 0;
    const from = this.#running.firstNamed;
    if (phase === 'prefill' && from !== undefined) return from;
    const due = set.entering();
    const { victim, stalls } = this.policy;
    const short = (stalls || victim.name !== 'newest') && memory.freeBlocks < due.length;
    if (from === undefined || this.#budget < set.size || short) {
      this.#running.leaveAll();
      this.#parted = true;
      return 0;
    }
    const claims = memory.caches && due !== set.filling() ? [...due, ...set.filling()] : due;
    for (const request of inOrder(claims)) {
      // An earlier one may have taken this one's memory.
      if (request.clock && this.#makeRoom(plan, request, 1) === 'yielded') break;
    }
    plan.together = { count: set.size, context: 0, ending: none, joined: none };
    this.#budget -= set.size;
    return Math.min(from, this.running.length);
  }

  #unstall(plan: StepPlan, { request, shortage }: { request: Request; shortage: Shortage }): void {
    this.#stalled = undefined;
    this.#preempt(plan, this.running.at(-1)!, request, shortage);
    this.#scheduleRunning(plan, 'all');
  }

  /** What the long-prefill threshold leaves of `rest`, where prompts may run in pieces. */
  #piece(rest: Tokens): Tokens {
    const threshold = this.limits.longPrefillTokenThreshold;
    return threshold > 0 && this.#batching.chunking !== 'none' ? Math.min(rest, threshold) : rest;
  }

  /** Tokens of each sequence that may run now out of `rest`, under that threshold and the budget. */
  #chunk(request: Request, rest: Tokens): Tokens {
    const rows = request.seqs.length;
    const share = rows === 1 ? this.#budget : Math.floor(this.#budget / rows);
    return Math.max(0, Math.min(this.#piece(rest), share));
  }

  #preempt(plan: StepPlan, victim: Request, by: Request, shortage: Shortage): void {
    this.#running.leave(victim);
    const { preemption } = this.policy;
    // A half-computed prompt is cheaper to compute again than to move. What is under way is dropped, and could not be
    // drawn again from KV that is only moved back.
    const movable = victim.decoding && victim.numPending === 0;
    const swap = movable && (preemption === 'swap' || (preemption === 'auto' && victim.seqs.length > 1));
    const moved = swap ? this.memory.swapOut?.(victim) : undefined;
    const mode: PreemptionMode = moved === undefined ? 'recompute' : 'swap';
    const lostTokens = moved === undefined ? victim.numComputedTokens * victim.seqs.length : 0;
    plan.swappedOutBlocks += moved ?? 0;
    this.#requeue(victim, mode === 'swap' ? 'swapped' : 'preempted');
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
    // Once a step: what was said of the head must stay true of it.
    const compare = phase === 'swapped' ? undefined : this.policy.order.arrange?.(this.#view);
    if (compare) waiting.arrange(compare);
    for (let head = waiting.peek(); head; head = waiting.peek()) {
      if (phase !== 'any' && (head.status === 'swapped') !== (phase === 'swapped')) return;
      const reason = this.#enter(plan, head);
      if (!reason) continue;
      this.#blocked = { request: head, reason };
      return;
    }
  }

  /**
   * The device lost its memory, in the middle of a step or between two: all that runs returns to the queue in its
   * order and is computed again, and nothing is found in the prefix cache. The step is not booked. Returns those
   * that had ended, and were only held by their static batch.
   */
  recomputeAll(now: Seconds): readonly Request[] {
    const ended = this.#booking.release(now, true);
    for (const request of this.running.toReversed()) {
      this.#running.leave(request);
      const lostTokens = request.numComputedTokens * request.seqs.length;
      this.#requeue(request, 'preempted');
      // Samples that the lost step forked are forked again.
      if (this.memory.forks && request.numOutputTokens === 0) request.seqs.length = 1;
      this.#listener?.on({
        type: 'preempted',
        time: now,
        request,
        mode: 'recompute',
        deviceLost: true,
        by: request,
        needs: 0,
        free: 0,
        lostTokens,
      });
    }
    this.memory.forget?.();
    this.memory.takeCopies?.();
    return ended;
  }

  /** A running request waits again, before all others; unless it was swapped out, it is to be computed anew. */
  #requeue(request: Request, status: 'preempted' | 'swapped'): void {
    this.#running.remove(request);
    if (status === 'preempted') {
      this.memory.free(request);
      request.numComputedTokens = 0;
    }
    request.numPending = 0;
    request.status = status;
    request.numPreemptions++;
    this.waiting.pushFront(request);
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
    if (this.#running.rows + rowsOf(request) > limits.maxNumSeqs) {
      return { kind: 'max-num-seqs', limit: limits.maxNumSeqs };
    }
    if (request.status === 'swapped') {
      if (rows > this.#budget) return { kind: 'token-budget', needs: rows, left: this.#budget };
      return this.#swapIn(plan, request);
    }

    const hit = memory.lookup(request);
    const rest = request.numTokens - hit;
    const count = this.#chunk(request, rest);
    const whole = this.#piece(rest);
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
    const moved = this.memory.swapIn!(request);
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
    this.#running.add(request);
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
    plan.copies = memory.takeCopies?.() ?? [];
    const head = this.waiting.peek();
    // Whom the decodes preempted after the queue was served may now be its head, and gave up what the head lacked.
    if (head && (this.#blocked?.request !== head || plan.preempted.length > 0)) {
      const other = head.status === 'swapped' ? 'prefill-step' : 'decode-step';
      const kind = plan.preempted.length > 0 ? 'preemption' : other;
      this.#blocked = { request: head, reason: { kind } };
    }
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
    plan.copiedTokens = this.#booking.takeBeamCopies();
    if (plan.numDecodes > 0) plan.copiedTokens += memory.tensor?.().copied ?? 0;
    for (let i = 0; i < plan.requests.length; i++) {
      const request = plan.requests[i]!;
      memory.advance(request, plan.numTokens[i]!);
      const samples = request.numComputedTokens >= request.numTokens;
      plan.samples.push(samples);
      if (samples) plan.numSamples++;
      this.#booking.forkSamples(request, plan.time);
    }
    if (plan.together) this.#advanceTogether(plan, this.#running.decodes!);
    plan.paddedLength = memory.tensor?.().length ?? 0;
    if (this.#listener?.detail) {
      for (const [i, request] of plan.requests.entries()) {
        const tokens = plan.numTokens[i]!;
        this.#listener.on({ type: 'scheduled', time: plan.time, request, start: plan.starts[i]!, tokens });
      }
    }
    invariant(
      plan.totalTokens <= this.limits.maxNumBatchedTokens || plan.numRequests === 1,
      () => `step of ${plan.totalTokens} tokens exceeds ${this.limits.maxNumBatchedTokens}`,
    );
    const { rows } = this.#running;
    invariant(
      rows <= this.limits.maxNumSeqs,
      () => `${rows} sequences run, at most ${this.limits.maxNumSeqs} may`,
    );
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

  /**
   * The step is under way, and the next is to be planned before its tokens are known (vLLM's asynchronous
   * scheduling): they count as pending until `update`. Whom they turn out to end computed one token in vain, which
   * is not booked. At most one step ahead; not for plans in which several sequences of a request sample, nor where
   * a static batch holds what has ended.
   */
  expect(plan: StepPlan): void {
    plan.expected = true;
    for (const [i, request] of plan.requests.entries()) if (plan.samples[i]) request.numPending++;
  }

  /** Applies what the executor returned, at time `now`. Returns the requests that are over. */
  update(plan: StepPlan, result: StepResult, now: Seconds): readonly Request[] {
    // Planned before the step ahead of it had ended, it has run since then.
    const time = Math.max(plan.time, this.#lastEnd);
    this.#lastEnd = now;
    if (this.#listener) {
      const usage = this.memory.usage();
      this.#listener.on({ type: 'step', time, end: now, plan, result, usage });
    }
    return this.#booking.book(plan, result, now);
  }

  /**
   * The client is gone: everything the request holds is free at once (a static batch keeps its row).
   * Undefined if it was over already; else the others that finish with it, when theirs was the last row waited for.
   */
  abort(request: Request, now: Seconds): readonly Request[] | undefined {
    if (isQueued(request.status)) {
      this.waiting.remove(request);
      if (request.status === 'swapped') this.memory.dropSwapped?.(request);
      request.status = 'aborted';
    } else if (request.status !== 'running') return undefined;
    this.#listener?.on({ type: 'aborted', time: now, request });
    if (request.status === 'aborted') return none;
    this.#running.leave(request);
    return this.#booking.cut(request, 'abort', now);
  }

  /** Why `request` did not enter in the last step; undefined if it does not wait. */
  whyWaiting(request: Request): WaitingFor | undefined {
    const blocked = this.#blocked;
    if (!blocked || !isQueued(request.status)) return undefined;
    return blocked.request === request
      ? blocked.reason
      : { kind: 'head-of-line', behind: blocked.request.id };
  }

  checkIntegrity(): void {
    this.memory.checkIntegrity();
    this.#running.checkIntegrity();
    for (const { id, status } of this.waiting) {
      invariant(isQueued(status), () => `request ${id} is ${status} but in the queue`);
    }
  }
}

const none: readonly Request[] = [];

function isQueued(status: RequestStatus): status is 'waiting' | 'preempted' | 'swapped' {
  return status === 'waiting' || status === 'preempted' || status === 'swapped';
}
