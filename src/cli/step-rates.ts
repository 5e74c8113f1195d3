import type { EngineEvent, Listener } from '../core/events.ts';
import type { Seconds, Tokens } from '../core/units.ts';

/** How fast steps computed: those with prompt tokens among them, and those that only decode. */
export class StepRates implements Listener {
  readonly detail = false;
  readonly #prefill: Work = { tokens: 0, seconds: 0 };
  readonly #decode: Work = { tokens: 0, seconds: 0 };
  #lastEnd: Seconds = 0;

  on(event: EngineEvent): void {
    if (event.type !== 'step') return;
    const { plan, time, end } = event;
    const work = plan.numDecodes === plan.requests.length ? this.#decode : this.#prefill;
    work.tokens += plan.totalTokens;
    // The next step may be launched before this one has landed.
    work.seconds += end - Math.max(time, this.#lastEnd);
    this.#lastEnd = end;
  }

  /** Tokens a second in steps with prompt tokens. Undefined: there was none. */
  get prefill(): number | undefined {
    return rate(this.#prefill);
  }

  /** The same in steps of decodes alone. */
  get decode(): number | undefined {
    return rate(this.#decode);
  }
}

interface Work {
  tokens: Tokens;
  seconds: Seconds;
}

function rate({ tokens, seconds }: Work): number | undefined {
  return seconds > 0 ? tokens / seconds : undefined;
}
