import type { ModelRunner } from '../backends/model-runner.ts';
import { noiseKey } from '../backends/sampling/gumbel.ts';
import type { Listener } from '../core/events.ts';
import { invariant } from '../core/invariant.ts';
import { memoryEvents } from '../core/memory-events.ts';
import type { Request } from '../core/request.ts';
import type { Structure } from '../core/sampling-params.ts';
import { Scheduler } from '../core/scheduler.ts';
import type { StepPlan } from '../core/step-plan.ts';
import type { Seconds } from '../core/units.ts';
import { checkSpec } from './check-spec.ts';
import { type Clock, startClock } from './clock.ts';
import type { EngineOptions } from './engine-options.ts';
import { asGeneration, GenerationRequest, type GenerationSpec } from './generation-request.ts';
import { Listeners } from './listeners.ts';
import { type Flight, ModelExecutor, type ModelStepResult } from './model-executor.ts';

/** A request that can never be served, and why. */
export interface Rejection {
  readonly rejected: string;
}

/** Steps in a row that may plan nothing before it is called a livelock. One follows a self-preemption. */
const MAX_EMPTY_STEPS = 3;
/** Devices lost in a row, without a step between, before the engine gives up. */
const MAX_LOSSES = 3;

/** The loop around a scheduler and a model: requests come and go at any time, each step gives them tokens. */
export class Engine {
  readonly scheduler: Scheduler;
  readonly listeners: Listeners;
  readonly clock: Clock;
  readonly #options: EngineOptions;
  #executor: ModelExecutor;
  #nextId = 0;
  /** Launched before the step ahead of it had landed. */
  #flight: Flight | undefined;
  #emptySteps = 0;
  #losses = 0;
  #devicesLost = 0;
  /** Listeners that came later and want every detail. */
  #watchers = 0;
  /** Prefixes of another generation are not found. */
  #generation = 0;
  #stepping = false;
  #failure: unknown;
  #rejectedFor = '';
  #wake: (() => void) | undefined;

  /** @throws UsageError when the memory cannot be laid over the runner's blocks. */
  constructor(options: EngineOptions) {
    const { policy, limits, memory, runner, listener } = options;
    this.#options = options;
    this.clock = options.clock ?? startClock();
    const own: Listener = {
      detail: false,
      on: event => {
        if (event.type === 'rejected') this.#rejectedFor = event.reason;
      },
    };
    this.listeners = new Listeners(listener ? [own, listener] : [own]);
    const engine = this;
    const heard: Listener = {
      get detail() {
        return engine.listeners.detail || engine.#watchers > 0;
      },
      on: event => this.listeners.on(event),
    };
    this.scheduler = new Scheduler(policy, limits, memory, heard);
    this.#executor = this.#createExecutor(runner);
  }

  #createExecutor(runner: ModelRunner): ModelExecutor {
    const { memory, createExecutor } = this.#options;
    const made = [runner, memory, this.scheduler.running, this.clock] as const;
    return createExecutor?.(...made) ?? new ModelExecutor(...made);
  }

  get runner(): ModelRunner {
    return this.#executor.runner;
  }

  /** Devices that went away and were replaced. */
  get devicesLost(): number {
    return this.#devicesLost;
  }

  /**
   * From now on the listener hears everything, in detail: of requests that it never heard arrive, too.
   * @returns ends it.
   */
  watch(listener: Listener): () => void {
    const { memory } = this.#options;
    memory.observer ??= memoryEvents(this.listeners, this.clock);
    this.#watchers++;
    this.listeners.add(listener);
    return () => {
      this.listeners.remove(listener);
      if (--this.#watchers === 0 && !this.listeners.detail) memory.observer = undefined;
    };
  }

  /** Requests that come from now on find nothing in the prefix cache that was computed before. */
  resetPrefixCache(): void {
    const { memory } = this.#options;
    if (this.scheduler.running.length === 0) memory.forget?.();
    // What runs keeps its blocks, and they stay cached until they are evicted: nobody else may ask for them.
    else this.#generation++;
  }

  /** Does beforehand what the first request with a structure would have all others wait for. */
  prepare(): void {
    this.#options.structures?.prepare();
  }

  /** Whether adding a request with it would have to compile it first. */
  compiles(structure: Structure): boolean {
    return this.#options.structures?.has(structure) === false;
  }

  /**
   * Takes a request in; it runs with the next step. What can never be served is rejected at once.
   * @throws UsageError for token ids that the model does not have, an empty prompt, stop strings without a
   * tokenizer, or a structure that outputs cannot have.
   */
  add(spec: GenerationSpec): GenerationRequest | Rejection {
    const { config } = this.runner;
    const { detokenizer, structures } = this.#options;
    checkSpec(spec, config.vocab, detokenizer !== undefined);
    const now = this.clock();
    const id = this.#nextId++;
    const request = new GenerationRequest(id, this.#ofGeneration(spec), {
      arrival: now,
      seed: spec.params.seed ?? this.#seedOf(id),
      eosTokenIds: config.eosTokenIds,
      detokenizer,
      structures,
    });
    if (!this.scheduler.add(request, now)) return { rejected: this.#rejectedFor };
    this.#wake?.();
    return request;
  }

  #ofGeneration(spec: GenerationSpec): GenerationSpec {
    if (this.#generation === 0) return spec;
    return { ...spec, cacheSalt: JSON.stringify([this.#generation, spec.cacheSalt ?? '']) };
  }

  /** 53 bits, so that samples of two requests do not share their noise. */
  #seedOf(id: number): number {
    const { a, b } = noiseKey(this.#options.seed ?? 0, id);
    return (b & 0xfffff) * 2 ** 32 + a;
  }

  /** The client is gone. False when the request was over already. */
  abort(request: GenerationRequest): boolean {
    const now = this.clock();
    const others = this.scheduler.abort(request, now);
    if (!others) return false;
    this.#finish(request, now);
    for (const other of others) this.#finish(other, now);
    return true;
  }

  /**
   * One iteration; false when there was nothing to do.
   * @throws what the runner throws (a lost device excepted, as long as another can be had); the engine is of no
   * use then.
   */
  async step(): Promise<boolean> {
    invariant(!this.#stepping, () => 'a step was asked for while another runs');
    if (this.#failure !== undefined) throw this.#failure;
    if (!this.#flight && this.scheduler.numUnfinished === 0) return false;
    this.#stepping = true;
    try {
      await this.#step();
    } catch (error) {
      this.#failure = error;
      throw error;
    } finally {
      this.#stepping = false;
    }
    return true;
  }

  async #step(): Promise<void> {
    const flight = this.#flight ?? this.#launch();
    this.#flight = undefined;
    if (!flight) {
      invariant(++this.#emptySteps <= MAX_EMPTY_STEPS, () => 'livelock: nothing can be scheduled');
      return;
    }
    this.#emptySteps = 0;
    if (flight.feeds) {
      // While the device computes this step, the next one is made ready.
      this.scheduler.expect(flight.plan);
      this.#flight = this.#launch();
    }
    let result: ModelStepResult;
    try {
      result = await this.#executor.land(flight);
    } catch (error) {
      if (!isDeviceLost(error)) throw error;
      return this.#recover(error);
    }
    this.#losses = 0;
    this.#book(flight.plan, result);
  }

  /** Plans a step and gives it to the device; undefined when there is nothing to run. */
  #launch(): Flight | undefined {
    const plan = this.scheduler.schedule(this.clock());
    if (plan.empty) return undefined;
    for (const admitted of plan.admitted) {
      const request = asGeneration(admitted);
      if (Number.isNaN(request.firstScheduled)) request.firstScheduled = plan.time;
    }
    return this.#executor.launch(plan);
  }

  #book(plan: StepPlan, result: ModelStepResult): void {
    const now = this.clock();
    const over = this.scheduler.update(plan, result, now);
    for (const { request, seq, sample } of result.grown) {
      if (Number.isNaN(request.firstToken)) request.firstToken = now;
      request.lastToken = now;
      if (seq.finishReason) sample.end(seq.finishReason);
      request.spec.onUpdate?.(sample.take(request.id));
    }
    for (const request of over) this.#finish(request, now);
  }

  #finish(over: Request, now: Seconds): void {
    const request = asGeneration(over);
    for (const sample of request.samples) if (!sample.finishReason) sample.end('abort');
    request.spec.onFinish?.(request.output(now));
  }

  /** The KV is gone with the device. Tokens are not: what ran is computed again, and draws what it would have. */
  async #recover(lost: unknown): Promise<void> {
    const { recreate } = this.#options;
    if (!recreate || ++this.#losses > MAX_LOSSES) throw lost;
    this.#devicesLost++;
    this.#flight = undefined;
    this.runner.dispose();
    const now = this.clock();
    for (const request of this.scheduler.recomputeAll(now)) this.#finish(request, now);
    this.#executor = this.#createExecutor(await recreate());
  }

  /** Steps until nothing is left, requests included that come meanwhile. @param stepped called after each. */
  async drain(stepped?: () => void): Promise<void> {
    while (await this.step()) {
      stepped?.();
      await breath();
    }
  }

  /** Steps, and waits for requests when there are none, until the signal says stop. */
  async run(signal: AbortSignal): Promise<void> {
    const wake = () => this.#wake?.();
    signal.addEventListener('abort', wake);
    try {
      while (!signal.aborted) {
        if (await this.step()) await breath();
        else await this.#idle(signal);
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  async #idle(signal: AbortSignal): Promise<void> {
    const time = this.clock();
    await new Promise<void>(resolve => {
      this.#wake = resolve;
      // Who came after the last step was asked for found nobody to wake.
      if (signal.aborted || this.scheduler.numUnfinished > 0) resolve();
    });
    this.#wake = undefined;
    this.listeners.on({ type: 'idle', time, end: this.clock(), usage: this.scheduler.memory.usage() });
  }

  dispose(): void {
    this.runner.dispose();
  }
}

/**
 * A runner that computes on this thread would keep timers, sockets and messages waiting. Between any two steps, so
 * that who hangs up is gone before the next; it takes microseconds.
 */
function breath(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}

/** By name: which backend the class is from does not matter. */
function isDeviceLost(error: unknown): boolean {
  return error instanceof Error && error.name === 'DeviceLost';
}
