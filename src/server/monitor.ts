import type { Seconds } from '../core/units.ts';
import type { EngineStats } from '../engine/engine-client.ts';
import { now } from './call.ts';
import type { Log } from './log.ts';
import { kvCacheUsage } from './metrics/engine-metrics.ts';
import type { ServedModel } from './served-model.ts';

const LOOK_EVERY: Seconds = 0.1;
const SAY_EVERY: Seconds = 10;

interface Seen {
  readonly time: Seconds;
  readonly stats: EngineStats;
}

/** Looks at the engines now and then: a line in the log while they are busy, and a word when one has died. */
export class Monitor {
  readonly #models: readonly ServedModel[];
  readonly #log: Log;
  readonly #onFailure: (model: ServedModel, error: Error) => void;
  readonly #said = new Map<ServedModel, Seen>();
  readonly #failed = new Set<ServedModel>();
  readonly #timers: readonly NodeJS.Timeout[];

  constructor(
    models: readonly ServedModel[],
    log: Log,
    onFailure: (model: ServedModel, error: Error) => void,
  ) {
    this.#models = models;
    this.#log = log;
    this.#onFailure = onFailure;
    for (const model of models) this.#said.set(model, { time: now(), stats: model.engine.stats() });
    this.#timers = [
      setInterval(() => this.#look(), LOOK_EVERY * 1000),
      setInterval(() => this.say(), SAY_EVERY * 1000),
    ];
    for (const timer of this.#timers) timer.unref();
  }

  /** Looks a last time: what died in the end is to be known, too. */
  stop(): void {
    this.#look();
    for (const timer of this.#timers) clearInterval(timer);
  }

  #look(): void {
    for (const model of this.#models) {
      const { failure } = model.engine;
      if (!failure || this.#failed.has(model)) continue;
      this.#failed.add(model);
      this.#onFailure(model, failure);
    }
  }

  /** vLLM's line, for each engine that did anything since the last. */
  say(): void {
    for (const model of this.#models) {
      const time = now();
      const stats = model.engine.stats();
      const before = this.#said.get(model)!;
      this.#said.set(model, { time, stats });
      if (stats.steps === before.stats.steps && stats.running + stats.waiting === 0) continue;
      this.#log.info({ model: model.id }, consoleLine(stats, before.stats, time - before.time));
    }
  }
}

/** @param seconds between the two. */
export function consoleLine(stats: EngineStats, before: EngineStats, seconds: Seconds): string {
  const rate = (count: number) => (count / seconds).toFixed(1);
  const queries = stats.prefixQueries - before.prefixQueries;
  const hitRate = queries > 0 ? (stats.prefixHits - before.prefixHits) / queries : 0;
  const waits = stats.waitingFor === undefined ? '' : ` (${stats.waitingFor})`;
  return (
    `Avg prompt throughput: ${rate(stats.promptTokens - before.promptTokens)} tokens/s, ` +
    `Avg generation throughput: ${rate(stats.outputTokens - before.outputTokens)} tokens/s, ` +
    `Running: ${stats.running} reqs, Waiting: ${stats.waiting} reqs${waits}, ` +
    `GPU KV cache usage: ${(kvCacheUsage(stats) * 100).toFixed(1)}%, ` +
    `Prefix cache hit rate: ${(hitRate * 100).toFixed(1)}%`
  );
}
