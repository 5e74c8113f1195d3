import type { Drawn, ModelRunner } from '../backends/model-runner.ts';
import { invariant } from '../core/invariant.ts';
import type { KvMemory } from '../core/kv-memory.ts';
import type { Request, Sequence } from '../core/request.ts';
import type { StepPlan, StepResult } from '../core/step-plan.ts';
import type { Seconds } from '../core/units.ts';
import type { Clock } from './clock.ts';
import { type KvTables, kvTables } from './kv-tables.ts';
import { type Drawing, tokenBatch } from './token-batch.ts';

/** What a real step brought beside the core's result: who has a new token. */
export interface ModelStepResult extends StepResult {
  readonly grown: readonly Drawing[];
}

/** A step that the runner has, and has not answered yet. */
export interface Flight {
  readonly plan: StepPlan;
  readonly begin: Seconds;
  readonly drawings: readonly Drawing[];
  readonly drawn: Promise<readonly Drawn[]>;
  /** Whether the next step can be planned before this one lands: its tokens may feed it unread. */
  readonly feeds: boolean;
}

/** Runs plans on a model. Plans name requests of type `GenerationRequest`. */
export class ModelExecutor {
  readonly runner: ModelRunner;
  readonly #tables: KvTables;
  readonly #running: readonly Request[];
  readonly #clock: Clock;
  /** Of the step that was launched last: the draw of each sequence. */
  #underWay: ReadonlyMap<Sequence, number> = new Map();
  #landed: Seconds = 0;

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

  /** Gives the runner a step. Flights land in their order. */
  launch(plan: StepPlan): Flight {
    const { runner } = this;
    const begin = this.#clock();
    const { batch, drawings } = tokenBatch(
      plan,
      this.#running,
      this.#tables,
      runner.blockSize,
      this.#underWay,
    );
    const feeds =
      plan.heldRows === 0 &&
      drawings.every(({ request }, i) => request.width === 1 && runner.feeds?.(batch.draws[i]!));
    this.#underWay = new Map(drawings.map(({ seq }, i) => [seq, i]));
    const drawn = runner.run(batch);
    // A lost device fails all that fly; only the first is awaited then.
    drawn.catch(() => undefined);
    return { plan, begin, drawings, drawn, feeds };
  }

  /** @throws DeviceLost when the runner's device went away; no token was booked then. */
  async land({ plan, begin, drawings, drawn }: Flight): Promise<ModelStepResult> {
    const brought = await drawn;
    const { length } = drawings;
    invariant(brought.length === length, () => `${brought.length} tokens for ${length} draws`);

    const tokens: number[][] = plan.requests.map(() => []);
    const stopped: Sequence[] = [];
    const grown: Drawing[] = [];
    for (const [i, drawing] of drawings.entries()) {
      const { entry, request, seq, sample } = drawing;
      if (entry < 0) continue;
      tokens[entry]!.push(brought[i]!.token);
      // Aborted while the step ran, ended by the step before it, or without memory since the step after it.
      if (seq.finishReason || request.status !== 'running') continue;
      if (sample.push(brought[i]!, request.endIds)) stopped.push(seq);
      grown.push(drawing);
    }
    const now = this.#clock();
    const duration = now - Math.max(begin, this.#landed);
    this.#landed = now;
    return { duration, stopped, tokens, grown };
  }
}
