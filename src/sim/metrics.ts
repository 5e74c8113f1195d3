import type { EngineEvent, Listener } from '../core/events.ts';
import { type MemoryUsage, slotKinds } from '../core/kv-memory.ts';
import type { Request } from '../core/request.ts';
import type { StepPlan } from '../core/step-plan.ts';
import type { Seconds, Tokens } from '../core/units.ts';
import { Growable } from './growable.ts';
import { Histogram } from './histogram.ts';
import { TimeSeries } from './time-series.ts';

/** Per-request limits in seconds; a request is good when it meets all that are given (`vllm bench serve --goodput`). */
export interface Slo {
  readonly ttft?: Seconds;
  readonly tpot?: Seconds;
  readonly e2el?: Seconds;
}

interface Live {
  firstToken: Seconds;
  lastToken: Seconds;
  /** Tokens lost to preemption, to be computed again. */
  lost: Tokens;
  queued: boolean;
  /** In the set of decodes that advance together: its last token is then the set's. */
  together: boolean;
}

/** Gathers what `results.ts` reports, from the event stream alone. */
export class Metrics implements Listener {
  readonly detail = false;
  readonly slo: Slo | undefined;
  readonly #apiPath: Seconds;
  readonly #live = new Map<Request, Live>();
  /** One entry a finished request, in order of completion; seconds. */
  readonly ttft = new Growable();
  readonly tpot = new Growable();
  readonly e2el = new Growable();
  readonly normalizedLatency = new Growable();
  readonly itl = new Histogram();
  /** Request ids in that order, to pair policies request by request. */
  readonly ids = new Growable();
  readonly series = new TimeSeries(slotKinds.length + 2);
  /** Slot-seconds of each kind. */
  readonly memory: MemoryUsage = { token: 0, reserved: 0, internal: 0, external: 0, cached: 0, free: 0 };
  /** The second of the clock that tokens are being counted in, and the count. */
  #second = { at: -1, tokens: 0 };
  /** Most tokens generated in one second of the clock. */
  maxOutputTokensPerSecond = 0;
  firstArrival = Number.POSITIVE_INFINITY;
  lastEnd = 0;
  observed: Seconds = 0;
  busy: Seconds = 0;
  completed = 0;
  rejected = 0;
  aborted = 0;
  truncated = 0;
  good = 0;
  inputTokens = 0;
  outputTokens = 0;
  cachedTokens = 0;
  prefixQueries = 0;
  preemptions = 0;
  swaps = 0;
  recomputedTokens = 0;
  copiedBlocks = 0;
  steps = 0;
  batchSum = 0;
  maxBatch = 0;
  maxConcurrent = 0;
  /** Why the first rejected request was. */
  rejectedFor: string | undefined;
  #waiting = 0;
  #lastTogether: Seconds = 0;

  /** @param apiPath what a client waits for beside the engine: in TTFT and end-to-end latency (`--profile`). */
  constructor(slo?: Slo, apiPath: Seconds = 0) {
    this.slo = slo;
    this.#apiPath = apiPath;
  }

  on(event: EngineEvent): void {
    switch (event.type) {
      case 'arrived':
        this.firstArrival = Math.min(this.firstArrival, event.request.arrival);
        this.#live.set(event.request, {
          firstToken: -1,
          lastToken: -1,
          lost: 0,
          queued: true,
          together: false,
        });
        this.#waiting++;
        return;
      case 'rejected':
        this.rejected++;
        this.#waiting--;
        this.#live.delete(event.request);
        this.rejectedFor ??= event.reason;
        return;
      case 'admitted':
        this.#admitted(event.request, event.from, event.cachedTokens);
        return;
      case 'preempted':
        this.preemptions++;
        this.#waiting++;
        if (event.mode === 'swap') this.swaps++;
        this.#preempted(this.#live.get(event.request)!, event.lostTokens);
        return;
      case 'step':
        this.#step(event.plan, event.time, event.end, event.usage);
        this.#tokens(event.plan, event.end);
        return;
      case 'idle':
        this.#hold(event.time, event.end, event.usage, 0);
        return;
      case 'finished':
        this.#finished(event.request, event.time);
        return;
      case 'aborted':
        this.aborted++;
        if (this.#live.get(event.request)!.queued) this.#waiting--;
        this.#live.delete(event.request);
        this.lastEnd = Math.max(this.lastEnd, event.time);
        return;
      default:
        return;
    }
  }

  #preempted(live: Live, lost: Tokens): void {
    this.#part(live);
    live.lost += lost;
    live.queued = true;
  }

  #admitted(request: Request, from: 'waiting' | 'preempted' | 'swapped', cached: Tokens): void {
    const live = this.#live.get(request)!;
    this.#waiting--;
    live.queued = false;
    if (from === 'swapped') return;
    const rows = request.seqs.length;
    this.prefixQueries += request.numTokens * rows;
    this.cachedTokens += cached * rows;
    if (from === 'waiting') return;
    // Found in the cache after all: those need no second computation.
    this.recomputedTokens += Math.max(0, live.lost - cached * rows);
    live.lost = 0;
  }

  #step(plan: StepPlan, begin: Seconds, end: Seconds, usage: MemoryUsage): void {
    const batch = plan.numRequests;
    this.steps++;
    this.batchSum += batch;
    this.maxBatch = Math.max(this.maxBatch, batch);
    this.maxConcurrent = Math.max(this.maxConcurrent, this.#live.size);
    this.copiedBlocks += plan.copies.length;
    this.busy += end - begin;
    this.#hold(begin, end, usage, batch);
  }

  #hold(begin: Seconds, end: Seconds, usage: MemoryUsage, batch: number): void {
    const length = end - begin;
    if (this.firstArrival === Number.POSITIVE_INFINITY) return;
    this.observed += length;
    this.memory.token += usage.token * length;
    this.memory.reserved += usage.reserved * length;
    this.memory.internal += usage.internal * length;
    this.memory.external += usage.external * length;
    this.memory.cached += usage.cached * length;
    this.memory.free += usage.free * length;
    this.series.add(begin, end, [
      batch,
      this.#waiting,
      usage.token,
      usage.reserved,
      usage.internal,
      usage.external,
      usage.cached,
      usage.free,
    ]);
  }

  /** Tokens of a step, at its end; called before the scheduler books them. */
  #tokens(plan: StepPlan, end: Seconds): void {
    let tokens = 0;
    if (plan.parted) for (const live of this.#live.values()) this.#part(live);
    for (const [i, request] of plan.requests.entries()) {
      if (!plan.samples[i] || request.status !== 'running') continue;
      const live = this.#live.get(request);
      if (!live) continue;
      const rows = request.numOutputTokens === 0 ? request.width : request.seqs.length;
      tokens += rows;
      if (live.firstToken < 0) live.firstToken = end;
      else this.itl.add(end - live.lastToken, rows);
      live.lastToken = end;
    }
    if (plan.together) {
      const { count, joined } = plan.together;
      for (const request of joined) {
        const live = this.#live.get(request)!;
        this.itl.add(end - live.lastToken, 1);
        live.together = true;
      }
      if (count > joined.length) this.itl.add(end - this.#lastTogether, count - joined.length);
      this.#lastTogether = end;
      tokens += count;
    }
    this.#countTokens(end, tokens);
  }

  /** Its tokens are its own again. */
  #part(live: Live): void {
    if (!live.together) return;
    live.together = false;
    live.lastToken = this.#lastTogether;
  }

  #countTokens(at: Seconds, tokens: number): void {
    const second = Math.floor(at - this.firstArrival);
    if (second !== this.#second.at) this.#second = { at: second, tokens: 0 };
    this.#second.tokens += tokens;
    this.maxOutputTokensPerSecond = Math.max(this.maxOutputTokensPerSecond, this.#second.tokens);
  }

  #finished(request: Request, now: Seconds): void {
    const live = this.#live.get(request)!;
    this.#live.delete(request);
    this.completed++;
    this.lastEnd = Math.max(this.lastEnd, now);
    this.inputTokens += request.promptTokens;
    // Samples run side by side: the longest is what the client waits for.
    let length = 0;
    let cut = false;
    for (const seq of request.done) {
      length = Math.max(length, seq.outputTokens);
      this.outputTokens += seq.outputTokens;
      cut ||= seq.finishReason === 'length';
    }
    if (cut) this.truncated++;
    const ttft = live.firstToken - request.arrival + this.#apiPath;
    const e2el = now - request.arrival + this.#apiPath;
    const tpot = length > 1 ? (e2el - ttft) / (length - 1) : 0;
    this.ids.push(request.id);
    this.ttft.push(ttft);
    this.e2el.push(e2el);
    if (length > 1) this.tpot.push(tpot);
    this.normalizedLatency.push(e2el / length);
    const slo = this.slo;
    if (!slo) return;
    const within = (value: Seconds, limit: Seconds | undefined) => limit === undefined || value <= limit;
    if (within(ttft, slo.ttft) && within(tpot, slo.tpot) && within(e2el, slo.e2el)) this.good++;
  }
}
