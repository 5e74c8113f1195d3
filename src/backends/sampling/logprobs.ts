import type { Drawn } from '../model-runner.ts';
import { kthLargest } from './kth-largest.ts';

/** Log-probabilities of the drawn token and of the `count` most likely ones, from logits that nothing has touched. */
export function logprobsOf(
  logits: Float32Array,
  token: number,
  count: number,
): Required<Pick<Drawn, 'logprob' | 'top'>> {
  const total = logSumExp(logits);
  const top = mostLikely(logits, Math.min(count, logits.length));
  return {
    logprob: logits[token]! - total,
    top: top.map(id => [id, logits[id]! - total] as const),
  };
}

function logSumExp(logits: Float32Array): number {
  let best = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) if (logits[i]! > best) best = logits[i]!;
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - best);
  return best + Math.log(sum);
}

/** Ids of the `count` largest, largest first, of equals the lowest id. */
function mostLikely(logits: Float32Array, count: number): number[] {
  if (count === 0) return [];
  const least = kthLargest(logits, count);
  const above: number[] = [];
  const ties: number[] = [];
  for (let i = 0; i < logits.length; i++) {
    if (logits[i]! > least) above.push(i);
    else if (logits[i]! === least && ties.length < count) ties.push(i);
  }
  above.sort((a, b) => logits[b]! - logits[a]! || a - b);
  return [...above, ...ties].slice(0, count);
}
