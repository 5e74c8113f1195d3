import { overloaded, tooManyRequests } from './api-error.ts';
import { RETRY_AFTER, type ServerOptions } from './options.ts';
import type { ServedModel } from './served-model.ts';

/** Who may come in: so many prompts a model, so many requests a key. */
export class Admission {
  readonly #options: Pick<ServerOptions, 'maxQueuedRequests' | 'maxRequestsPerKey'>;
  readonly #prompts = new Map<ServedModel, number>();
  readonly #requests = new Map<number, number>();

  constructor(options: Pick<ServerOptions, 'maxQueuedRequests' | 'maxRequestsPerKey'>) {
    this.#options = options;
  }

  /**
   * Takes a place among the requests of a key. @returns gives it back; once.
   * @throws ApiError 429
   */
  enterKey(key: number | undefined): () => void {
    const limit = this.#options.maxRequestsPerKey;
    if (key === undefined || limit === Number.POSITIVE_INFINITY) return () => undefined;
    if ((this.#requests.get(key) ?? 0) >= limit) {
      throw tooManyRequests(`This API key has ${limit} requests open, as many as it may.`, RETRY_AFTER);
    }
    return take(this.#requests, key, 1);
  }

  /**
   * Takes places among the prompts of a model. @returns gives them back; once.
   * @throws ApiError 503
   */
  enterModel(model: ServedModel, prompts: number): () => void {
    const limit = this.#options.maxQueuedRequests;
    const open = this.#prompts.get(model) ?? 0;
    if (open + prompts > limit) {
      throw overloaded(
        `The model ${model.id} has ${open} of at most ${limit} requests waiting and running: try again.`,
        RETRY_AFTER,
      );
    }
    return take(this.#prompts, model, prompts);
  }
}

function take<K>(counts: Map<K, number>, key: K, by: number): () => void {
  counts.set(key, (counts.get(key) ?? 0) + by);
  let taken = true;
  return () => {
    if (!taken) return;
    taken = false;
    const left = counts.get(key)! - by;
    if (left === 0) counts.delete(key);
    else counts.set(key, left);
  };
}
