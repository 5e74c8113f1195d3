import type { Seconds } from '../core/units.ts';

/**
 * Timers fire up to this much late, in milliseconds; the rest is spent going round the event loop, where messages and
 * sockets have their turn.
 */
const TIMER_SLACK = 1.5;

/** A clock that can be waited for. */
export interface Pacer {
  /** Seconds since some moment. */
  now(): Seconds;
  /** Resolves at that moment, or at once when it has passed or the pacer was stopped. */
  until(moment: Seconds): Promise<void>;
  /** Nobody waits any longer. */
  stop(): void;
}

/** Waits for moments of the real clock, to some tens of microseconds. */
export class RealPacer implements Pacer {
  readonly #waiting = new Set<() => void>();
  #stopped = false;

  now(): Seconds {
    return performance.now() / 1000;
  }

  async until(moment: Seconds): Promise<void> {
    const rest = moment * 1000 - performance.now() - TIMER_SLACK;
    if (rest > 0) await this.#sleep(rest);
    while (!this.#stopped && performance.now() < moment * 1000) {
      await new Promise(resolve => setImmediate(resolve));
    }
  }

  stop(): void {
    this.#stopped = true;
    for (const wake of this.#waiting) wake();
  }

  #sleep(milliseconds: number): Promise<void> {
    return new Promise(resolve => {
      if (this.#stopped) {
        resolve();
        return;
      }
      const wake = () => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, milliseconds);
      this.#waiting.add(wake);
    });
  }
}
