import type { Tokens } from '../../core/units.ts';
import { createRng } from '../../sim/rng.ts';
import { type LengthModel, lengthSampler } from '../../sim/workload/lengths.ts';
import type { Arrival } from '../../sim/workload/workload.ts';

export interface RequestOptions {
  readonly count: number;
  readonly lengths: LengthModel;
  /** Answers to each prompt. */
  readonly n: number;
  readonly seed: number;
}

/**
 * The requests of vLLM's scripts of 2023 (`benchmark_throughput.py`, `benchmark_serving.py`), all there from
 * the start. Each asks for exactly the output length of its data set and ignores the end of sequence, so
 * that its n answers are equally long and `max_tokens` is no guess.
 */
export function scriptRequests({ count, lengths, n, seed }: RequestOptions): Arrival[] {
  const sampler = lengthSampler(lengths, createRng(seed, 'lengths'));
  return Array.from({ length: count }, () => {
    const { promptTokens, outputTokens } = sampler.next();
    const answers: Tokens[] = Array.from({ length: n }, () => outputTokens);
    return { arrival: 0, promptTokens, outputTokens: answers, maxTokens: outputTokens };
  });
}

/** Each answer as a request of its own, in the same order: TGI's `best_of`. */
export function splitAnswers(requests: readonly Arrival[]): Arrival[] {
  return requests.flatMap(request =>
    request.outputTokens.map(tokens => ({ ...request, outputTokens: [tokens] })),
  );
}
