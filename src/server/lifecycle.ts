import type { Seconds } from '../core/units.ts';
import { shuttingDown } from './api-error.ts';
import type { Call } from './call.ts';
import { RETRY_AFTER } from './options.ts';

/** Whether the server takes requests in, and which it has. */
export class Lifecycle {
  readonly #open = new Set<Call>();
  #draining = false;
  #idle: (() => void) | undefined;

  get draining(): boolean {
    return this.#draining;
  }

  /** Requests that are open (vLLM's `server_load`). */
  get load(): number {
    return this.#open.size;
  }

  /** @throws ApiError 503 when no more are taken in. */
  enter(call: Call): void {
    if (this.#draining) throw shuttingDown(RETRY_AFTER);
    this.#open.add(call);
    call.onEnd(() => {
      this.#open.delete(call);
      if (this.#open.size === 0) this.#idle?.();
    });
  }

  /**
   * Takes no more in and waits for those that are open; what is not done by then is aborted.
   * @returns how many had to be.
   */
  async drain(timeout: Seconds): Promise<number> {
    this.#draining = true;
    if (await this.#emptied(timeout)) return 0;
    const late = [...this.#open];
    for (const call of late) call.abort('aborted_at_shutdown');
    return late.length;
  }

  /** False when requests are still open after so long. */
  async #emptied(timeout: Seconds): Promise<boolean> {
    if (this.#open.size === 0) return true;
    let timer: NodeJS.Timeout | undefined;
    const emptied = await new Promise<boolean>(resolve => {
      this.#idle = () => resolve(true);
      timer = setTimeout(() => resolve(false), timeout * 1000);
    });
    clearTimeout(timer);
    this.#idle = undefined;
    return emptied;
  }
}
