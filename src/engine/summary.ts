import type { EngineEvent, Listener } from '../core/events.ts';
import { type MemoryUsage, type SlotKind, slotKinds } from '../core/kv-memory.ts';
import type { Seconds, Tokens } from '../core/units.ts';
import { Metrics } from '../sim/metrics.ts';

/** What a run of an engine came to. */
export interface RunSummary {
  readonly seconds: Seconds;
  readonly requests: number;
  readonly promptTokens: Tokens;
  readonly outputTokens: Tokens;
  /** A second. */
  readonly requestThroughput: number;
  readonly outputThroughput: number;
  readonly totalThroughput: number;
  readonly steps: number;
  /** Requests of a step, on average. */
  readonly meanBatch: number;
  readonly preemptions: number;
  readonly recomputedTokens: Tokens;
  /** Prompt tokens found in the prefix cache. */
  readonly cachedTokens: Tokens;
  /** Seconds in which a step ran. */
  readonly busy: Seconds;
  readonly memory: {
    /** KV slots. */
    readonly capacity: Tokens;
    /** Most slots that held KV of live tokens at once. */
    readonly peakTokens: Tokens;
    /** Share of the slots of each kind, on average over the time that steps ran (vLLM paper, Fig. 2). */
    readonly shares: MemoryUsage;
  };
}

/** Sums a run up, from the same events as a simulation's results. */
export class Summary implements Listener {
  readonly detail = false;
  readonly #metrics = new Metrics();
  readonly #capacity: Tokens;
  readonly #start: Seconds;
  #peak: Tokens = 0;

  constructor(capacity: Tokens, start: Seconds) {
    this.#capacity = capacity;
    this.#start = start;
  }

  on(event: EngineEvent): void {
    this.#metrics.on(event);
    if (event.type === 'step') this.#peak = Math.max(this.#peak, event.usage.token);
  }

  finish(now: Seconds): RunSummary {
    const metrics = this.#metrics;
    const seconds = now - this.#start;
    const share = (kind: SlotKind) => over(metrics.memory[kind], metrics.observed * this.#capacity);
    return {
      seconds,
      requests: metrics.completed,
      promptTokens: metrics.inputTokens,
      outputTokens: metrics.outputTokens,
      requestThroughput: over(metrics.completed, seconds),
      outputThroughput: over(metrics.outputTokens, seconds),
      totalThroughput: over(metrics.inputTokens + metrics.outputTokens, seconds),
      steps: metrics.steps,
      meanBatch: over(metrics.batchSum, metrics.steps),
      preemptions: metrics.preemptions,
      recomputedTokens: metrics.recomputedTokens,
      cachedTokens: metrics.cachedTokens,
      busy: metrics.busy,
      memory: {
        capacity: this.#capacity,
        peakTokens: this.#peak,
        shares: Object.fromEntries(slotKinds.map(kind => [kind, share(kind)])) as MemoryUsage,
      },
    };
  }
}

function over(amount: number, by: number): number {
  return by > 0 ? amount / by : 0;
}
