import type { Listener } from './events.ts';
import type { KvMemory } from './kv-memory.ts';
import type { Limits } from './policies/policy.ts';
import { type FinishReason, type Request, Sequence } from './request.ts';
import { inOrder, type RunningList, rowsOf } from './running-list.ts';
import type { StepPlan, StepResult } from './step-plan.ts';
import type { Seconds, Tokens } from './units.ts';

/** Applies what a step brought: tokens, forks of samples and beams, ends, and the memory these give back. */
export class StepBooking {
  readonly #running: RunningList;
  readonly #memory: KvMemory;
  readonly #limits: Limits;
  readonly #holdsFinished: boolean;
  readonly #listener: Listener | undefined;
  #beamCopies: Tokens = 0;

  constructor(
    running: RunningList,
    memory: KvMemory,
    limits: Limits,
    holdsFinished: boolean,
    listener?: Listener,
  ) {
    this.#running = running;
    this.#memory = memory;
    this.#limits = limits;
    this.#holdsFinished = holdsFinished;
    this.#listener = listener;
  }

  /** Books a step at time `now`; returns the requests that are over. */
  book(plan: StepPlan, result: StepResult, now: Seconds): readonly Request[] {
    for (const seq of result.stopped) seq.stopped = true;
    let ended = false;
    for (const request of this.#due(plan)) {
      if (request.clock) this.#running.leave(request);
      else if (!this.#bookTokens(request, plan, result, now)) continue;
      if (this.#endSequences(request)) ended = true;
      else this.#running.join(request, this.#outputLimit(request));
    }
    return ended ? this.release(now) : [];
  }

  /** Ends a running request before its time; a static batch keeps its rows. Returns who is over with it. */
  cut(request: Request, finishReason: FinishReason, now: Seconds): readonly Request[] {
    // Samples not forked yet were counted, and will never be.
    this.#running.rows -= rowsOf(request) - request.seqs.length;
    for (const seq of request.seqs) this.#endSequence(request, seq, finishReason);
    request.seqs = [];
    return this.release(now);
  }

  /** KV slots that the last beam selection wants copied, where memory cannot fork; asked once a step. */
  takeBeamCopies(): Tokens {
    const copies = this.#beamCopies;
    this.#beamCopies = 0;
    return copies;
  }

  /** Requests of the plan that have a new token, in the order of the running list. */
  #due({ requests, samples, numSamples, together }: StepPlan): readonly Request[] {
    const sampling = numSamples === requests.length ? requests : requests.filter((_, i) => samples[i]);
    if (!together) return sampling;
    this.#running.decodes!.tickOutputs();
    const { ending } = together;
    if (ending.length === 0) return sampling;
    // One that was aborted meanwhile has left the set.
    return inOrder([...sampling, ...ending.filter(request => request.clock)]);
  }

  /**
   * Books one token for each live sequence; false for who was aborted meanwhile, and for who lost its memory to
   * the step after this one: it draws the same token again when it has computed the rest anew.
   */
  #bookTokens(request: Request, plan: StepPlan, result: StepResult, now: Seconds): boolean {
    if (request.status !== 'running') return false;
    if (plan.expected) request.numPending--;
    const parents = result.parents?.get(request);
    if (parents) this.#selectBeams(request, parents, now);
    request.numOutputTokens++;
    if (this.#listener?.detail) {
      const index = request.numOutputTokens - 1;
      for (const sequence of request.seqs) {
        this.#listener.on({ type: 'token', time: now, request, sequence, index });
      }
    }
    return true;
  }

  /** The prompt of the request is computed with this step: from here on each sample is a sequence of its own. */
  forkSamples(request: Request, now: Seconds): void {
    if (request.numTokens > request.promptTokens || request.numComputedTokens < request.numTokens) return;
    if (!this.#memory.forks || request.width === 1) return;
    const first = request.seqs[0]!;
    widen(request);
    for (const seq of request.seqs) if (seq !== first) this.#fork(request, first, seq, now);
  }

  #fork(request: Request, from: Sequence, to: Sequence, now: Seconds): void {
    this.#memory.fork(request, from, to);
    if (this.#listener?.detail) {
      this.#listener.on({ type: 'forked', time: now, request, from: from.index, to: to.index });
    }
  }

  /** Beam `i` goes on from `parents[i]`: chosen beams are forked, the others freed (vLLM paper §4.4). */
  #selectBeams(request: Request, parents: readonly number[], now: Seconds): void {
    const kept = new Set(parents);
    if (!this.#memory.forks) {
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
      this.#fork(request, from, seq, now);
      return seq;
    });
    for (const [i, seq] of old.entries()) if (!kept.has(i)) this.#memory.freeSequence(request, seq);
  }

  #outputLimit(request: Request): Tokens {
    return Math.min(request.maxTokens, this.#limits.maxModelLen - request.promptTokens);
  }

  /** Ends the sequences that stop here; true when none is left. */
  #endSequences(request: Request): boolean {
    const full = request.numOutputTokens >= this.#outputLimit(request);
    let ends = full;
    for (const seq of request.seqs) ends ||= seq.stopped;
    if (!ends) return false;
    for (const seq of request.seqs) {
      if (full || seq.stopped) this.#endSequence(request, seq, seq.stopped ? 'stop' : 'length');
    }
    request.seqs = request.seqs.filter(seq => !seq.finishReason);
    return request.seqs.length === 0;
  }

  #endSequence(request: Request, seq: Sequence, finishReason: FinishReason): void {
    seq.finishReason = finishReason;
    seq.outputTokens = request.numOutputTokens;
    request.done.push(seq);
    this.#running.rows--;
    if (this.#holdsFinished) this.#memory.hold(request, seq);
    else this.#memory.freeSequence(request, seq);
  }

  /**
   * Lets go of the requests that have ended; with static batching nobody leaves before all have, unless the
   * batch is broken up.
   */
  release(now: Seconds, breakUp = false): readonly Request[] {
    if (this.#holdsFinished && !breakUp && !this.#running.holdEnded()) return [];
    const ended = this.#running.removeEnded();
    for (const request of ended) {
      this.#memory.free(request);
      // The client of an aborted one has left; only its row of the batch had stayed.
      request.status = request.done.some(seq => seq.finishReason === 'abort') ? 'aborted' : 'finished';
      if (request.status === 'finished') this.#listener?.on({ type: 'finished', time: now, request });
    }
    return ended.filter(request => request.status === 'finished');
  }
}

/** Sequences for all samples: from the start where memory cannot fork, after the prompt where it can. */
export function widen(request: Request): void {
  const first = request.seqs[0]!;
  while (request.seqs.length < request.width) {
    const index = request.seqs.length;
    request.seqs.push(new Sequence(index, first.tokens?.fork?.(index)));
  }
}
