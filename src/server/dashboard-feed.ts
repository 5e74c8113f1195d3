import type { EngineClient } from '../engine/engine-client.ts';

/** A recording that can be fetched. */
export interface Recorded {
  /** 1, 2, 3 … of the engine. */
  readonly number: number;
  readonly file: Uint8Array;
}

/** Recordings that are kept: who was told of one may still ask for it when the next is there. */
const KEPT = 2;

/** The recordings of one engine, for all who look at it; while nobody does, the engine records nothing. */
export class DashboardFeed {
  readonly #engine: EngineClient;
  readonly #viewers = new Set<(recorded: Recorded) => void>();
  #kept: readonly Recorded[] = [];
  #count = 0;
  #unwatch: (() => void) | undefined;

  constructor(engine: EngineClient) {
    this.#engine = engine;
  }

  /** Whether the engine can be watched at all. */
  get records(): boolean {
    return this.#engine.watch !== undefined;
  }

  /** @param told of each recording from now on, the last one first. @returns ends it. */
  join(told: (recorded: Recorded) => void): () => void {
    const viewer = (recorded: Recorded) => told(recorded);
    this.#viewers.add(viewer);
    const last = this.#kept.at(-1);
    if (last) told(last);
    this.#unwatch ??= this.#engine.watch?.(file => this.#recorded(file));
    return () => {
      if (!this.#viewers.delete(viewer) || this.#viewers.size > 0) return;
      this.#unwatch?.();
      this.#unwatch = undefined;
      this.#kept = [];
    };
  }

  #recorded(file: Uint8Array): void {
    const recorded = { number: ++this.#count, file };
    this.#kept = [...this.#kept, recorded].slice(-KEPT);
    for (const viewer of this.#viewers) viewer(recorded);
  }

  /** Undefined when it is gone, or never was. */
  file(number: number): Uint8Array | undefined {
    return this.#kept.find(recorded => recorded.number === number)?.file;
  }
}
