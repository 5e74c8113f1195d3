import type { Request, Sequence } from '../core/request.ts';
import type { StepPlan, StepResult } from '../core/step-plan.ts';
import type { Seconds, Tokens } from '../core/units.ts';
import type { CostModel } from '../sim/cost/cost-model.ts';
import { type StepShape, shapeOf } from '../sim/cost/step-shape.ts';
import { addCost, emptyCost, type StepCost } from '../sim/cost/terms.ts';
import { createRng, type Random } from '../sim/rng.ts';

/**
 * Chance that a beam is replaced by a better one's continuation in a step; the rest continue themselves.
 * It falls as the output grows, to half after `BEAM_SETTLE` tokens: beams that have found their phrasing
 * keep it. Both are fitted to the memory that sharing saves in the vLLM paper, Fig. 15b and §6.3: had
 * beams of ShareGPT's long answers changed as often as those of Alpaca's short ones, they would share more.
 */
const BEAM_SWITCH = 0.5;
const BEAM_SETTLE = 15;

/** Prices steps and plays the model's part: sequences stop at the true length that the workload gave them. */
export class SimulatedExecutor {
  /** All steps so far, itemised. */
  readonly total: StepCost = emptyCost();
  readonly #cost: CostModel;
  readonly #seed: number;
  readonly #beams = new Map<Request, Random>();

  constructor(cost: CostModel, seed: number) {
    this.#cost = cost;
    this.#seed = seed;
  }

  execute(plan: StepPlan): StepResult {
    const { blockSize, model } = this.#cost.options;
    const duration = this.#price(shapeOf(plan, blockSize, model.slidingWindow));
    const stopped: Sequence[] = [];
    let parents: Map<Request, number[]> | undefined;
    for (let i = 0; i < plan.requests.length; i++) {
      const request = plan.requests[i]!;
      if (!plan.samples[i]) continue;
      const next = request.numOutputTokens + 1;
      if (request.beam) {
        if (next >= this.#truth(request, 0)) {
          stopped.push(...request.seqs);
          this.#beams.delete(request);
        } else if (request.seqs.length > 1) {
          parents ??= new Map();
          parents.set(request, this.#selectBeams(request));
        }
        continue;
      }
      for (const seq of request.seqs) if (next >= this.#truth(request, seq.index)) stopped.push(seq);
    }
    for (const request of plan.together?.ending ?? []) {
      if (request.numOutputTokens + 1 >= this.#truth(request, 0)) stopped.push(request.seqs[0]!);
    }
    return { duration, stopped, ...(parents && { parents }) };
  }

  /** Output tokens after which a single-sequence request stops by itself. */
  outputsOf(request: Request): Tokens {
    return this.#truth(request, 0);
  }

  #price(shape: StepShape): Seconds {
    const cost = this.#cost.price(shape);
    addCost(this.total, cost);
    return cost.seconds;
  }

  /** A real model may stop at any time; one without a known length goes on to `max_tokens`. */
  #truth(request: Request, sample: number): number {
    return request.truth?.[sample] ?? request.truth?.[0] ?? Number.POSITIVE_INFINITY;
  }

  #selectBeams(request: Request): number[] {
    let random = this.#beams.get(request);
    if (!random) {
      random = createRng(this.#seed, `beams/${request.id}`);
      this.#beams.set(request, random);
    }
    const width = request.seqs.length;
    const chance = BEAM_SWITCH / (1 + request.numOutputTokens / BEAM_SETTLE);
    return request.seqs.map((_, i) => (random() < chance ? Math.floor(random() * width) : i));
  }
}
