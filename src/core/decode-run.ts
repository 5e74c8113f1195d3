import type { KvMemory, MemoryUsage } from './kv-memory.ts';
import type { Request } from './request.ts';
import type { StepPlan } from './step-plan.ts';

/**
 * Steps like the one before: the same requests decode one token each, nobody enters, ends or is
 * preempted. A simulation takes them without scheduling each (a decision would come out the same every
 * time); block claims, cache entries and their order are exactly those of single steps.
 */
export class DecodeRun {
  readonly plan: StepPlan;
  /** Steps that may be taken before a request reaches its promised length. */
  readonly limit: number;
  readonly #memory: KvMemory;
  readonly #starts: number[];
  /** Indices of the plan's requests by position in the block to be written next. */
  readonly #byPhase: number[][] | undefined;
  readonly #usages: MemoryUsage[] = [];

  private constructor(plan: StepPlan, memory: KvMemory, limit: number) {
    this.plan = plan;
    this.limit = limit;
    this.#memory = memory;
    this.#starts = plan.requests.map(request => request.numComputedTokens);
    if (memory.kind !== 'paged') return;
    this.#byPhase = Array.from({ length: memory.blockSize }, () => []);
    for (const [i, start] of this.#starts.entries()) this.#byPhase[start % memory.blockSize]!.push(i);
  }

  /** The run that may follow `plan`, now applied; undefined when a decision is due. */
  static after(
    plan: StepPlan,
    running: readonly Request[],
    memory: KvMemory,
    maxModelLen: number,
  ): DecodeRun | undefined {
    const { requests } = plan;
    const changed = plan.preempted.length + plan.admitted.length + plan.copies.length;
    if (requests.length === 0 || plan.numDecodes < requests.length || changed > 0) return undefined;
    if (memory.kind === 'padded' || memory.trims) return undefined;
    let at = 0;
    let limit = Number.POSITIVE_INFINITY;
    for (const request of running) {
      if (request.status === 'held') continue;
      if (request !== requests[at++] || request.width > 1) return undefined;
      // The step that ends a request is a decision.
      const left = Math.min(request.maxTokens - request.numOutputTokens, maxModelLen - request.numTokens);
      if (left - 1 < limit) limit = left - 1;
    }
    return at === requests.length && limit > 0 ? new DecodeRun(plan, memory, limit) : undefined;
  }

  /** Claims the memory of one more step; false when there is none, and the scheduler must decide who yields. */
  take(): boolean {
    const { requests } = this.plan;
    const step = this.#usages.length;
    if (this.#byPhase) {
      const size = this.#byPhase.length;
      const entering = this.#byPhase[(size - (step % size)) % size]!;
      if (this.#memory.freeBlocks < entering.length) return false;
      const due = this.#memory.caches ? merge(entering, this.#byPhase[(2 * size - 1 - (step % size)) % size]!) : entering;
      for (const i of due) {
        const request = requests[i]!;
        request.numComputedTokens = this.#starts[i]! + step;
        this.#memory.grow(request, 1);
      }
    }
    const usage = this.#memory.usage();
    const computed = (step + 1) * requests.length;
    usage.token += computed;
    usage.reserved -= computed;
    this.#usages.push(usage);
    return true;
  }

  /** Books the steps taken on the requests and returns the memory during each. */
  commit(): readonly MemoryUsage[] {
    const steps = this.#usages.length;
    for (const [i, request] of this.plan.requests.entries()) {
      request.numComputedTokens = this.#starts[i]!;
      this.#memory.advance(request, steps);
      request.numOutputTokens += steps;
    }
    return this.#usages;
  }
}

/** Two ascending lists as one; with blocks of one token both are the same list. */
function merge(a: readonly number[], b: readonly number[]): readonly number[] {
  return a === b ? a : [...a, ...b].sort((x, y) => x - y);
}
