import { SimulatedExecutor } from '../backends/simulated.ts';
import { DecodeSet } from '../core/decode-set.ts';
import type { Listener } from '../core/events.ts';
import { invariant } from '../core/invariant.ts';
import type { KvMemory } from '../core/kv-memory.ts';
import type { Limits, Policy } from '../core/policies/policy.ts';
import { Request } from '../core/request.ts';
import { Scheduler } from '../core/scheduler.ts';
import type { StepPlan } from '../core/step-plan.ts';
import type { Seconds, Tokens } from '../core/units.ts';
import type { CostModel } from './cost/cost-model.ts';
import { EventQueue } from './event-queue.ts';
import type { Arrival, Workload } from './workload/workload.ts';

export interface SimulationOptions {
  readonly policy: Policy;
  readonly limits: Limits;
  readonly memory: KvMemory;
  readonly cost: CostModel;
  readonly seed: number;
  /** `max_tokens` of a request whose client names none. */
  readonly maxTokens: (arrival: Arrival) => Tokens;
  readonly workload: Pick<Workload, 'onFinished'>;
  readonly listener?: Listener;
  /** Advance decodes together (default, see `DecodeSet`); the results are the same to the last bit without. */
  readonly together?: boolean;
}

/** Steps in a row that may plan nothing before it is called a livelock. One follows a self-preemption. */
const MAX_IDLE_STEPS = 3;

/**
 * Discrete-event simulation of one engine. Arrivals are pushed in as they are read; `run` goes as far as
 * they reach and never waits, so a trace of any length streams through and a page can run it in slices.
 */
export class Simulation {
  readonly scheduler: Scheduler;
  readonly executor: SimulatedExecutor;
  readonly #options: SimulationOptions;
  #now: Seconds = 0;
  /** Offered and not yet due; those before `#due` are delivered. */
  #arrivals: readonly Arrival[] = [];
  #due = 0;
  #closed = false;
  readonly #events = new EventQueue<Arrival | Request>();
  readonly #sources = new Map<Request, Arrival>();
  #nextId = 0;
  #steps = 0;
  /** Steps in a row that planned nothing. */
  #idle = 0;
  #ended = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    const { policy, limits, memory, listener, cost } = options;
    const executor = new SimulatedExecutor(cost, options.seed);
    // A window bounds what attention reads of each sequence: their sum no longer grows evenly.
    const named = cost.options.model.slidingWindow !== undefined || cost.needsSpread;
    const together = options.together !== false && !named;
    const decodes = together ? new DecodeSet(request => executor.outputsOf(request)) : undefined;
    this.scheduler = new Scheduler(policy, limits, memory, listener, decodes);
    this.executor = executor;
  }

  get now(): Seconds {
    return this.#now;
  }

  get steps(): number {
    return this.#steps;
  }

  /** Requests that are over: finished, rejected or aborted. */
  get ended(): number {
    return this.#ended;
  }

  /** The next arrivals, ascending in time and not before any offered earlier. Only when `run` is starved. */
  offer(arrivals: readonly Arrival[]): void {
    invariant(this.#due === this.#arrivals.length, () => 'arrivals offered before the last ones were taken');
    for (const { arrival } of arrivals) invariant(Number.isFinite(arrival), () => `arrival at ${arrival} s`);
    this.#arrivals = arrivals;
    this.#due = 0;
  }

  /** There are no more arrivals. */
  close(): void {
    this.#closed = true;
  }

  /**
   * Runs until it needs to know of further arrivals (`starved`), nothing is left (`done`), or about
   * `maxSteps` steps were taken (`paused`).
   */
  run(maxSteps = Number.POSITIVE_INFINITY): 'starved' | 'done' | 'paused' {
    const until = this.#steps + maxSteps;
    while (this.#steps < until) {
      this.#deliver();
      if (!this.#closed && this.#due === this.#arrivals.length) return 'starved';
      if (this.scheduler.numUnfinished === 0) {
        // Who would have hung up has been served: that is not worth waiting for.
        while (this.#events.peek() instanceof Request) this.#events.pop();
        const next = this.#nextEvent();
        if (next === Number.POSITIVE_INFINITY) return 'done';
        this.#idleUntil(next);
        continue;
      }
      const plan = this.scheduler.schedule(this.#now);
      this.#steps++;
      if (plan.empty) {
        invariant(
          ++this.#idle <= MAX_IDLE_STEPS,
          () => `livelock at ${this.#now} s: nothing can be scheduled`,
        );
        continue;
      }
      this.#idle = 0;
      this.#execute(plan);
    }
    return 'paused';
  }

  #execute(plan: StepPlan): void {
    const result = this.executor.execute(plan);
    this.#now += result.duration;
    for (const request of this.scheduler.update(plan, result, this.#now)) this.#end(request);
  }

  #idleUntil(time: Seconds): void {
    this.#options.listener?.on({
      type: 'idle',
      time: this.#now,
      end: time,
      usage: this.#options.memory.usage(),
    });
    this.#now = time;
  }

  /** Time of the next arrival or abort; what was not offered yet comes after all that was. */
  #nextEvent(): Seconds {
    const offered =
      this.#arrivals[this.#due]?.arrival ?? (this.#closed ? Number.POSITIVE_INFINITY : this.#now);
    return Math.min(offered, this.#events.nextTime);
  }

  /** Everything up to now reaches the engine, in order of time. */
  #deliver(): void {
    for (;;) {
      const offered = this.#arrivals[this.#due];
      const queued = this.#events.nextTime;
      if (offered && offered.arrival <= this.#now && offered.arrival <= queued) {
        this.#due++;
        this.#arrive(offered);
      } else if (queued <= this.#now && (offered || this.#closed)) {
        // What was not offered yet might be as early.
        const event = this.#events.pop()!;
        if (!(event instanceof Request)) this.#arrive(event);
        else this.#abort(event);
      } else return;
    }
  }

  #abort(request: Request): void {
    const finished = this.scheduler.abort(request, this.#now);
    if (finished) for (const over of [request, ...finished]) this.#end(over);
  }

  #arrive(arrival: Arrival): void {
    const maxTokens = arrival.maxTokens ?? this.#options.maxTokens(arrival);
    const request = new Request(this.#nextId++, {
      arrival: arrival.arrival,
      promptTokens: arrival.promptTokens,
      maxTokens,
      truth: arrival.outputTokens,
      priority: arrival.priority,
      beamWidth: arrival.beamWidth,
      tokens: arrival.tokens,
      cacheSalt: arrival.cacheSalt,
      loraId: arrival.loraId,
    });
    if (this.#options.workload.onFinished) this.#sources.set(request, arrival);
    const accepted = this.scheduler.add(request, Math.max(this.#now, arrival.arrival));
    if (!accepted) this.#end(request);
    else if (arrival.abortAt !== undefined) this.#events.push(arrival.abortAt, request);
  }

  #end(request: Request): void {
    this.#ended++;
    const arrival = this.#sources.get(request);
    if (!arrival) return;
    this.#sources.delete(request);
    const next = this.#options.workload.onFinished?.({ arrival, finishedAt: this.#now });
    if (next) this.#events.push(next.arrival, next);
  }
}

/** Feeds a workload through a simulation; `progress` is called now and then with the requests ended. */
export async function simulate(
  simulation: Simulation,
  workload: Workload,
  progress?: (ended: number) => void,
): Promise<void> {
  // Slices short enough that a progress bar moves.
  const slice = 20_000;
  const drain = async () => {
    while (simulation.run(slice) === 'paused') {
      progress?.(simulation.ended);
      // Signals, and the messages of a page to its worker, have their turn.
      await new Promise(resolve => setTimeout(resolve, 0));
    }
    progress?.(simulation.ended);
  };
  for await (const chunk of workload.chunks()) {
    simulation.offer(chunk);
    await drain();
  }
  simulation.close();
  await drain();
}
