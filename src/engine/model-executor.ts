import type { Executor } from '../backends/executor.ts';
import type { ModelRunner } from '../backends/model-runner.ts';
import { invariant } from '../core/invariant.ts';
import type { KvMemory } from '../core/kv-memory.ts';
import type { Request, Sequence } from '../core/request.ts';
import type { StepPlan, StepResult } from '../core/step-plan.ts';
import type { Clock } from './clock.ts';
import { type KvTables, kvTables } from './kv-tables.ts';
import { type Drawing, tokenBatch } from './token-batch.ts';

/** What a real step brought beside the core's result: who has a new token. */
export interface ModelStepResult extends StepResult {
  readonly grown: readonly Drawing[];
}

/** Runs plans on a model. Plans name requests of type `GenerationRequest`. */
export class ModelExecutor implements Executor<Promise<ModelStepResult>> {
  readonly runner: ModelRunner;
  readonly #tables: KvTables;
  readonly #running: readonly Request[];
  readonly #clock: Clock;

  /**
   * @param running the scheduler's list, live.
   * @throws UsageError when the memory cannot be laid over the runner's blocks.
   */
  constructor(runner: ModelRunner, memory: KvMemory, running: readonly Request[], clock: Clock) {
    this.runner = runner;
    this.#tables = kvTables(memory, runner);
    this.#running = running;
    this.#clock = clock;
  }

  /** @throws DeviceLost when the runner's device went away; no token was booked then. */
  async execute(plan: StepPlan): Promise<ModelStepResult> {
    const begin = this.#clock();
    const { batch, drawings } = tokenBatch(plan, this.#running, this.#tables, this.runner.blockSize);
    const drawn = await this.runner.run(batch);
    const { length } = drawings;
    invariant(drawn.length === length, () => `${drawn.length} tokens for ${length} draws`);

    const tokens: number[][] = plan.requests.map(() => []);
    const stopped: Sequence[] = [];
    const grown: Drawing[] = [];
    for (const [i, drawing] of drawings.entries()) {
      const { entry, request, seq, sample } = drawing;
      if (entry < 0) continue;
      tokens[entry]!.push(drawn[i]!.token);
      // Aborted while the step ran.
      if (seq.finishReason) continue;
      if (sample.push(drawn[i]!, request.endIds)) stopped.push(seq);
      grown.push(drawing);
    }
    return { duration: this.#clock() - begin, stopped, tokens, grown };
  }
}
