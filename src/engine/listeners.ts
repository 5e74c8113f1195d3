import type { EngineEvent, Listener } from '../core/events.ts';

/** Several listeners as one. Who joins later hears from then on; events in detail only if asked for at the start. */
export class Listeners implements Listener {
  readonly detail: boolean;
  readonly #all: Set<Listener>;

  constructor(all: readonly Listener[]) {
    this.#all = new Set(all);
    this.detail = all.some(listener => listener.detail);
  }

  add(listener: Listener): void {
    this.#all.add(listener);
  }

  remove(listener: Listener): void {
    this.#all.delete(listener);
  }

  on(event: EngineEvent): void {
    for (const listener of this.#all) listener.on(event);
  }
}
