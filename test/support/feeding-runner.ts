import type { Draw, Drawn, ModelRunner, TokenBatch } from '../../src/backends/model-runner.ts';

/**
 * A runner that may be given the next batch before the last has answered, as a GPU may: what the batch does not
 * know yet is filled in from what the batch before drew. Answers late, and in order.
 */
export class FeedingRunner implements ModelRunner {
  /** Most batches that were under way at once. */
  deepest = 0;
  readonly #runner: ModelRunner;
  #flying = 0;
  #last: Promise<readonly Drawn[]> = Promise.resolve([]);

  constructor(runner: ModelRunner) {
    this.#runner = runner;
  }

  get config() {
    return this.#runner.config;
  }

  get blockSize() {
    return this.#runner.blockSize;
  }

  get numBlocks() {
    return this.#runner.numBlocks;
  }

  feeds({ params, banned }: Draw): boolean {
    return params.repetitionPenalty === 1 && params.logprobs === undefined && banned.length === 0;
  }

  run(batch: TokenBatch): Promise<readonly Drawn[]> {
    this.deepest = Math.max(this.deepest, ++this.#flying);
    this.#last = this.#after(this.#last, batch);
    return this.#last;
  }

  async #after(before: Promise<readonly Drawn[]>, batch: TokenBatch): Promise<readonly Drawn[]> {
    try {
      const drawn = await before;
      await new Promise(resolve => setImmediate(resolve));
      const tokens = batch.tokens.map(token => (token < 0 ? drawn[-1 - token]!.token : token));
      return await this.#runner.run({ ...batch, tokens });
    } finally {
      this.#flying--;
    }
  }

  dispose(): void {
    this.#runner.dispose();
  }
}
