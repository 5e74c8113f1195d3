import type { EngineEvent, Listener } from '../core/events.ts';
import type { Request } from '../core/request.ts';
import { Recorder } from '../trace/recorder.ts';
import { encodeRecordings } from '../trace/recording-file.ts';
import { asGeneration } from './generation-request.ts';
import type { LoadedEngine } from './loaded-engine.ts';

/** Steps that a recording goes back: at least so many once they have been, and less than twice as many. */
const STEPS = 256;
/** Milliseconds between two recordings. */
const EVERY = 250;

/** A recorder that began when the engine ran already, and the steps that it has heard. */
interface Begun {
  readonly recorder: Recorder;
  steps: number;
  requests: number;
}

/**
 * Recordings of the last steps of a running engine, for a live view. A recorder cannot forget, so two follow each
 * other: when the younger has heard `STEPS` steps, it takes the place of the older.
 */
export class RecordingFeed implements Listener {
  readonly detail = true;
  readonly #loaded: LoadedEngine;
  readonly #send: (file: Uint8Array) => void;
  #recorders: Begun[] = [];
  #fresh = false;
  #encoding = false;
  #stop: (() => void) | undefined;

  constructor(loaded: LoadedEngine, send: (file: Uint8Array) => void) {
    this.#loaded = loaded;
    this.#send = send;
  }

  start(): void {
    if (this.#stop) return;
    this.#recorders = [this.#begin()];
    const unwatch = this.#loaded.engine.watch(this);
    const timer = setInterval(() => void this.#tick(), EVERY);
    this.#stop = () => {
      clearInterval(timer);
      unwatch();
    };
  }

  stop(): void {
    this.#stop?.();
    this.#stop = undefined;
    this.#recorders = [];
  }

  on(event: EngineEvent): void {
    try {
      for (const begun of this.#recorders) {
        if (event.type === 'arrived') begun.requests++;
        begun.recorder.on(event);
      }
    } catch {
      // A recorder that lost the thread must not stop those who serve: what follows is recorded anew.
      this.#recorders = [];
    }
    if (event.type === 'step') this.#stepped();
  }

  #stepped(): void {
    this.#fresh = true;
    for (const begun of this.#recorders) begun.steps++;
    const youngest = this.#recorders.at(-1);
    if (youngest && youngest.steps < STEPS) return;
    if (this.#recorders.length > 1) this.#recorders.shift();
    this.#recorders.push(this.#begin());
  }

  /** Tells a new recorder what it would have heard of those that are here, and lets it look at every block. */
  #begin(): Begun {
    const { engine, cost } = this.#loaded;
    const { scheduler, clock } = engine;
    const recorder = new Recorder();
    recorder.attach({ memory: scheduler.memory, scheduler, ...(cost && { cost: since(cost) }) });
    const here = [...scheduler.running, ...scheduler.waiting];
    for (const request of here) for (const event of pastOf(request)) recorder.on(event);
    const time = clock();
    const { capacity, blockSize } = scheduler.memory;
    for (let block = 0; block * blockSize < capacity; block++) recorder.on({ type: 'evicted', time, block });
    return { recorder, steps: 0, requests: here.length };
  }

  async #tick(): Promise<void> {
    const [oldest] = this.#recorders;
    // The page shows nothing of a run without requests.
    if (!this.#fresh || this.#encoding || !oldest || oldest.requests === 0 || oldest.steps === 0) return;
    this.#fresh = false;
    this.#encoding = true;
    try {
      const file = await encodeRecordings([oldest.recorder.finish(this.#loaded.info.policy, this.#config())]);
      if (this.#stop) this.#send(file);
    } finally {
      this.#encoding = false;
    }
  }

  /** As `quire run` reads them. */
  #config(): Readonly<Record<string, unknown>> {
    const { policy, limits, memory, device } = this.#loaded.info;
    const all = {
      policy: [policy],
      gpu: device,
      block_size: limits.blockSize,
      max_model_len: limits.maxModelLen,
      max_num_seqs: limits.maxNumSeqs,
      max_num_batched_tokens: limits.maxNumBatchedTokens,
      num_gpu_blocks_override: memory.numBlocks,
    };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== Number.POSITIVE_INFINITY));
  }
}

/** What steps cost from now on. */
function since(cost: NonNullable<LoadedEngine['cost']>): NonNullable<LoadedEngine['cost']> {
  const { compute, bandwidth, overhead } = cost;
  return {
    get compute() {
      return cost.compute - compute;
    },
    get bandwidth() {
      return cost.bandwidth - bandwidth;
    },
    get overhead() {
      return cost.overhead - overhead;
    },
  };
}

/** What was to be heard of a request until now. */
function pastOf(request: Request): EngineEvent[] {
  const { arrival, firstScheduled, firstToken } = asGeneration(request);
  const past: EngineEvent[] = [{ type: 'arrived', time: arrival, request }];
  if (Number.isNaN(firstScheduled)) return past;
  const cachedTokens = request.numCachedTokens;
  past.push({ type: 'admitted', time: firstScheduled, request, from: 'waiting', cachedTokens });
  const sequence = request.seqs[0] ?? request.done[0];
  if (sequence && !Number.isNaN(firstToken)) {
    past.push({ type: 'token', time: firstToken, request, sequence, index: 0 });
  }
  return past;
}
