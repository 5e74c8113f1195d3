import type { Seconds } from '../../core/units.ts';
import { checkPositive } from '../checks.ts';
import { exponential, gamma } from '../distributions.ts';
import { createRng } from '../rng.ts';

/**
 * When requests (or conversations) arrive if nobody waits for answers: an open loop. Rates are per
 * second. `stretch` multiplies all times so that the last of `count` arrives at exactly count / rate, as
 * `vllm bench serve` does: the realised rate is then the asked one, and no longer varies by seed.
 */
export type ArrivalProcess =
  | { readonly kind: 'poisson'; readonly rate: number; readonly stretch?: boolean }
  /** Gaps gamma-distributed with shape `burstiness`: CV 1/√burstiness; 1 is Poisson, below 1 burstier. */
  | { readonly kind: 'gamma'; readonly rate: number; readonly burstiness: number; readonly stretch?: boolean }
  /** One every 1/rate, the first at 1/rate: the limit of `gamma` for infinite burstiness. */
  | { readonly kind: 'fixed-rate'; readonly rate: number }
  | { readonly kind: 'all-at-once' };

/** The process as `vllm bench serve` names it: `--request-rate` (may be `Infinity`) and `--burstiness`. */
export function vllmBenchArrivals(rate: number, burstiness = 1): ArrivalProcess {
  if (rate === Number.POSITIVE_INFINITY) return { kind: 'all-at-once' };
  if (burstiness === Number.POSITIVE_INFINITY) return { kind: 'fixed-rate', rate };
  return { kind: 'gamma', rate, burstiness, stretch: true };
}

/** Throws `UsageError` for a rate or burstiness that is not above 0. */
export function checkArrivals(process: ArrivalProcess): void {
  if (process.kind === 'all-at-once') return;
  checkPositive('rate', process.rate);
  if (process.kind === 'gamma') checkPositive('burstiness', process.burstiness);
}

/** `count` times in ascending order, lazily. */
export function* arrivalTimes(
  process: ArrivalProcess,
  count: number,
  seed: number,
  stream = 'arrivals',
): Generator<Seconds, void, undefined> {
  checkArrivals(process);
  if (process.kind === 'all-at-once') {
    for (let i = 0; i < count; i++) yield 0;
    return;
  }
  if (process.kind === 'fixed-rate') {
    for (let i = 1; i <= count; i++) yield i / process.rate;
    return;
  }
  // A second pass over the same numbers instead of an array: memory stays flat for any count.
  const factor = process.stretch ? count / process.rate / sum(gaps(process, seed, stream), count) : 1;
  const gap = gaps(process, seed, stream);
  let now = 0;
  for (let i = 0; i < count; i++) {
    now += gap();
    yield now * factor;
  }
}

type RandomProcess = Extract<ArrivalProcess, { kind: 'poisson' | 'gamma' }>;

function gaps(process: RandomProcess, seed: number, stream: string): () => Seconds {
  const random = createRng(seed, stream);
  if (process.kind === 'poisson') return exponential(1 / process.rate, random);
  const { rate, burstiness } = process;
  return gamma(burstiness, 1 / (rate * burstiness), random);
}

function sum(draw: () => number, count: number): number {
  let total = 0;
  for (let i = 0; i < count; i++) total += draw();
  return total;
}
