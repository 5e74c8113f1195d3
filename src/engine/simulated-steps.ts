import type { Drawn, ModelRunner } from '../backends/model-runner.ts';
import type { SimulatedExecutor } from '../backends/simulated.ts';
import type { KvMemory } from '../core/kv-memory.ts';
import type { Request } from '../core/request.ts';
import type { StepPlan } from '../core/step-plan.ts';
import type { Seconds } from '../core/units.ts';
import type { Clock } from './clock.ts';
import { asGeneration } from './generation-request.ts';
import { type Flight, ModelExecutor } from './model-executor.ts';
import type { Pacer } from './pacer.ts';
import type { SimulatedTokens } from './simulated-tokens.ts';
import type { Drawing } from './token-batch.ts';

/** On the real clock: a process that was stopped for longer than this has lost the time, and does not catch up. */
const MAX_LAG: Seconds = 0.25;

export interface SimulatedDevice {
  readonly pacer: Pacer;
  readonly prices: SimulatedExecutor;
  readonly tokens: SimulatedTokens;
  /** Real seconds of a simulated one. */
  readonly timeScale: number;
}

/**
 * Steps that take as long as the cost model says, on the real clock. Each ends at a moment that is counted from the
 * end of the one before, not from when a timer woke up: lateness does not add up.
 */
export class SimulatedSteps extends ModelExecutor {
  readonly #device: SimulatedDevice;
  /** When the last step was to end, on the real clock; undefined after a pause. */
  #due: Seconds | undefined;
  readonly #clock: Clock;

  constructor(
    runner: ModelRunner,
    memory: KvMemory,
    running: readonly Request[],
    clock: Clock,
    device: SimulatedDevice,
  ) {
    super(runner, memory, running, clock);
    this.#device = device;
    this.#clock = clock;
  }

  /** There was nothing to run: the next step begins when it comes. */
  paused(): void {
    this.#due = undefined;
  }

  override launch(plan: StepPlan): Flight {
    const { prices, timeScale } = this.#device;
    this.#due = this.#from(plan) + prices.execute(plan).duration * timeScale;
    const drawings = drawingsOf(plan);
    return { plan, begin: this.#clock(), drawings, drawn: this.#land(this.#due, drawings), feeds: false };
  }

  /** When the step begins, on the real clock. */
  #from({ admitted }: StepPlan): Seconds {
    const { pacer, timeScale } = this.#device;
    const now = pacer.now();
    if (this.#due === undefined || now - this.#due >= MAX_LAG) return now;
    // A step that catches up must not begin before those came that are in it.
    const ago = this.#clock() - Math.max(Number.NEGATIVE_INFINITY, ...admitted.map(({ arrival }) => arrival));
    return Math.max(this.#due, now - ago * timeScale);
  }

  async #land(due: Seconds, drawings: readonly Drawing[]): Promise<readonly Drawn[]> {
    const { pacer, tokens } = this.#device;
    await pacer.until(due);
    return drawings.map(({ request, sample }) => tokens.draw(request, sample));
  }
}

/** Whom the tokens of a plan are for. */
function drawingsOf(plan: StepPlan): Drawing[] {
  return plan.requests.flatMap((planned, entry) => {
    if (!plan.samples[entry]) return [];
    const request = asGeneration(planned);
    return request.seqs.map(seq => ({ entry, request, seq, sample: request.samples[seq.index]! }));
  });
}
