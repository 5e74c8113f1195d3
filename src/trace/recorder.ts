import type { EngineEvent, Listener } from '../core/events.ts';
import { invariant } from '../core/invariant.ts';
import type { KvMemory } from '../core/kv-memory.ts';
import { PagedKvMemory } from '../core/memory/paged.ts';
import type { Request } from '../core/request.ts';
import type { Scheduler } from '../core/scheduler.ts';
import type { StepCost } from '../sim/cost/terms.ts';
import { BlockLog } from './block-log.ts';
import { ContiguousTracker } from './contiguous-tracker.ts';
import type { MemoryTracker } from './memory-tracker.ts';
import { PaddedTracker } from './padded-tracker.ts';
import { PagedTracker } from './paged-tracker.ts';
import { reasonOf } from './reasons.ts';
import { type Decision, RECORDING_VERSION, type RecordedRequest, type Recording } from './recording.ts';
import { StepLog } from './step-log.ts';

/** What is recorded: known when the simulation is built, which is after the listener it is given. */
export interface RecordedEngine {
  readonly memory: KvMemory;
  readonly scheduler: Pick<Scheduler, 'running' | 'waiting'>;
  /** What all steps so far cost (`SimulatedExecutor.total`); without it, a step's time is bound by nothing known. */
  readonly cost?: Pick<StepCost, 'compute' | 'bandwidth' | 'overhead'>;
}

type Draft = { -readonly [K in keyof RecordedRequest]: RecordedRequest[K] };

/** Writes a run down as it happens. Attach the engine before its first step. */
export class Recorder implements Listener {
  readonly detail = true;
  #engine: RecordedEngine | undefined;
  #log: BlockLog | undefined;
  #tracker: MemoryTracker | undefined;
  readonly #steps = new StepLog();
  readonly #requests: Draft[] = [];
  /** Requests that are not over. */
  readonly #indexOf = new Map<Request, number>();
  /** Those that are, while somebody holds them: a step that flies ahead may name who ended in the one before. */
  readonly #indexOfEnded = new WeakMap<Request, number>();
  readonly #decisions: Decision[] = [];
  #lastBlocked: Decision | undefined;

  attach(engine: RecordedEngine): void {
    invariant(this.#engine === undefined, () => 'a recorder records one engine');
    const { memory } = engine;
    this.#engine = engine;
    this.#log = new BlockLog(memory.capacity / memory.blockSize);
    this.#tracker =
      memory instanceof PagedKvMemory
        ? new PagedTracker(memory, this.#log)
        : memory.kind === 'padded'
          ? new PaddedTracker(memory, this.#log)
          : new ContiguousTracker(memory, this.#log);
  }

  on(event: EngineEvent): void {
    this.#tracker?.on(event);
    switch (event.type) {
      case 'arrived':
        this.#indexOf.set(event.request, this.#requests.length);
        this.#requests.push(draft(event.request));
        break;
      case 'step':
        this.#step(event);
        return;
      case 'token': {
        const request = this.#draftOf(event.request);
        if (event.index === 0 && Number.isNaN(request.firstToken)) request.firstToken = event.time;
        return;
      }
      case 'admitted': {
        const request = this.#draftOf(event.request);
        if (!Number.isNaN(request.admitted)) break;
        request.admitted = event.time;
        request.cachedTokens = event.cachedTokens;
        break;
      }
      default:
        break;
    }
    this.#decide(event);
    if (event.type === 'rejected' || event.type === 'finished' || event.type === 'aborted')
      this.#over(event.type, event.request, event.time);
  }

  #draftOf(request: Request): Draft {
    return this.#requests[this.#index(request)]!;
  }

  #index(request: Request): number {
    const index = this.#indexOf.get(request) ?? this.#indexOfEnded.get(request);
    invariant(index !== undefined, () => `request ${request.id} never arrived`);
    return index;
  }

  #decide(event: EngineEvent): void {
    const reason = reasonOf(event, this.#engine?.memory.kind === 'padded' ? 'slot' : 'block');
    if (reason === undefined || !('request' in event)) return;
    const { type, time } = event;
    const request = this.#index(event.request);
    const decision = { step: this.#steps.count, time, type: type as Decision['type'], request, reason };
    if (type === 'blocked') {
      // Said once: it holds until something else is said of a head of the queue.
      const last = this.#lastBlocked;
      this.#lastBlocked = decision;
      if (last?.request === request && last.reason === reason) return;
    }
    this.#decisions.push(decision);
  }

  #over(end: 'rejected' | 'finished' | 'aborted', request: Request, time: number): void {
    const over = this.#draftOf(request);
    finish(over, request);
    over.end = end;
    if (end === 'finished') over.finished = time;
    // An aborted one may keep its row of a static batch: it is still asked for by its memory.
    if (end === 'aborted') return;
    this.#indexOfEnded.set(request, this.#index(request));
    this.#indexOf.delete(request);
  }

  #step(event: EngineEvent & { type: 'step' }): void {
    const engine = this.#engine;
    invariant(engine, () => 'the recorder was not attached before the first step');
    const { running, waiting } = engine.scheduler;
    const indexOf = (request: Request) => this.#index(request);
    this.#tracker!.step(running, indexOf);
    this.#log!.endStep();
    this.#steps.add(event, { running, waiting: waiting.size, indexOf, cost: engine.cost });
  }

  /** What was recorded so far. */
  finish(policy: string, config: Readonly<Record<string, unknown>>): Recording {
    invariant(this.#engine && this.#log, () => 'the recorder was never attached');
    for (const [request, index] of this.#indexOf) {
      if (this.#requests[index]!.end === 'running') finish(this.#requests[index]!, request);
    }
    const { kind, blockSize, capacity } = this.#engine.memory;
    return {
      version: RECORDING_VERSION,
      policy,
      config,
      memory: { kind, blockSize, numBlocks: capacity / blockSize, capacity },
      requests: this.#requests.map(request => ({ ...request })),
      steps: this.#steps.steps(),
      work: this.#steps.work(),
      blocks: this.#log.blocks(),
      tables: this.#log.tables(),
      decisions: this.#decisions.slice(),
    };
  }
}

function draft(request: Request): Draft {
  const { id, arrival, promptTokens, maxTokens, width, priority } = request;
  return {
    id,
    arrival,
    promptTokens,
    maxTokens,
    width,
    priority,
    outputTokens: 0,
    cachedTokens: 0,
    admitted: Number.NaN,
    firstToken: Number.NaN,
    finished: Number.NaN,
    preemptions: 0,
    end: 'running',
  };
}

/** What is known of a request only when it is over. `maxTokens` is cut to the context after it arrived. */
function finish(request: Draft, live: Request): void {
  request.maxTokens = live.maxTokens;
  request.preemptions = live.numPreemptions;
  request.outputTokens = live.numOutputTokens;
  for (const { outputTokens } of live.done)
    request.outputTokens = Math.max(request.outputTokens, outputTokens);
}
