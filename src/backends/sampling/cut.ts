import type { SamplingParams } from '../../core/sampling-params.ts';
import { kthLargest } from './kth-largest.ts';

/** Which tokens remain: those above `score`, and those at it with an id up to `lastId`. */
export interface Cut {
  readonly score: number;
  readonly lastId: number;
}

const ALL: Cut = { score: Number.NEGATIVE_INFINITY, lastId: Number.POSITIVE_INFINITY };

/** Bins of the distance below the best score, in units of temperature: 16 a unit, the last one open. */
const BINS = 1024;
const BINS_PER_UNIT = 16;
const masses = new Float64Array(BINS);

/**
 * Min-p, then top-k, then top-p (vLLM's order; temperature before all of them), as one threshold on the scores.
 * Ties at the k-th place all stay, as in vLLM; ties at the edge of top-p stay from the lowest id on.
 *
 * @param best the largest score.
 */
export function cutScores(scores: Float32Array, best: number, params: SamplingParams): Cut {
  const { temperature, minP, topK, topP } = params;
  let least = Number.NEGATIVE_INFINITY;
  if (minP > 0) least = best + temperature * Math.log(minP);
  if (topK > 0 && topK < scores.length) least = Math.max(least, kthLargest(scores, topK));
  if (topP < 1) return cutMass(scores, best, least, temperature, topP);
  return least === Number.NEGATIVE_INFINITY ? ALL : { score: least, lastId: Number.POSITIVE_INFINITY };
}

/**
 * Of the tokens at or above `least`, the most likely ones, each of which has less than `topP` of their mass
 * before it. Only the bin where that ends is sorted.
 */
function cutMass(scores: Float32Array, best: number, least: number, temperature: number, topP: number): Cut {
  masses.fill(0);
  let total = 0;
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i]!;
    if (!(score >= least)) continue;
    const below = (best - score) / temperature;
    const mass = Math.exp(-below);
    masses[binOf(below)]! += mass;
    total += mass;
  }
  const wanted = topP * total;
  let before = 0;
  let bin = 0;
  while (bin < BINS - 1 && before + masses[bin]! < wanted) before += masses[bin++]!;
  const edge: number[] = [];
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i]!;
    if (score >= least && binOf((best - score) / temperature) === bin) edge.push(i);
  }
  edge.sort((a, b) => scores[b]! - scores[a]! || a - b);
  let last = edge[0];
  for (const id of edge) {
    if (before >= wanted) break;
    last = id;
    before += Math.exp((scores[id]! - best) / temperature);
  }
  return last === undefined
    ? { score: least, lastId: Number.POSITIVE_INFINITY }
    : { score: scores[last]!, lastId: last };
}

function binOf(below: number): number {
  return Math.min(BINS - 1, Math.floor(below * BINS_PER_UNIT));
}
