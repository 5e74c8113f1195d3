import type { Tokens } from '../core/units.ts';

/** Bounds of vLLM's `iteration_tokens_total`: a step counts in the first that is not below its tokens. */
export const stepTokenBounds: readonly Tokens[] = [1, ...Array.from({ length: 12 }, (_, i) => 8 * 2 ** i)];

/** How many steps had how many tokens, since the start. */
export interface StepTokenCounts {
  /** [`stepTokenBounds` + 1] Steps by bound; the last beyond all of them. */
  readonly counts: readonly number[];
  /** Of all steps. */
  readonly sum: Tokens;
}

/** A histogram that travels as a few numbers, however many steps there were between two looks. */
export class StepTokens {
  readonly #counts = new Array<number>(stepTokenBounds.length + 1).fill(0);
  #sum: Tokens = 0;

  add(tokens: Tokens): void {
    const at = stepTokenBounds.findIndex(bound => tokens <= bound);
    this.#counts[at < 0 ? stepTokenBounds.length : at]!++;
    this.#sum += tokens;
  }

  read(): StepTokenCounts {
    return { counts: [...this.#counts], sum: this.#sum };
  }
}
