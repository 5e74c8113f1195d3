import { UsageError } from '../../core/errors.ts';
import type { Draw, Drawn } from '../model-runner.ts';
import { adjustLogits } from './adjust-logits.ts';
import { argmax } from './argmax.ts';
import { cutScores } from './cut.ts';
import { gumbel, noiseBound, noiseHash, noiseKey, noiseOf } from './gumbel.ts';
import { logprobsOf } from './logprobs.ts';

/** Above the largest noise there is: that of v = 2⁻²⁴ (see `gumbel`). */
const MOST_NOISE = 16.64;

/**
 * Draws one token: logit bias, allowed and banned tokens, penalties, temperature, min-p, top-k, top-p, then the largest
 * score with Gumbel noise; temperature 0 is greedy. Of equals the lowest id.
 *
 * @param logits of the whole vocabulary; left as they are.
 */
export function sampleToken(logits: Float32Array, draw: Draw): Drawn {
  const { params } = draw;
  const scores = adjustLogits(logits, draw);
  const mostLikely = argmax(scores);
  if (mostLikely < 0) {
    throw new UsageError(
      logits.some(logit => !Number.isNaN(logit))
        ? 'no token can be drawn: all that have a logit are banned'
        : 'no logit is a number: the weights are damaged (fetch the model again)',
    );
  }
  const token = params.temperature > 0 ? withNoise(scores, mostLikely, draw) : mostLikely;
  if (params.logprobs === undefined) return { token };
  return { token, ...logprobsOf(logits, token, params.logprobs) };
}

function withNoise(scores: Float32Array, mostLikely: number, { params, seed, step }: Draw): number {
  const { temperature } = params;
  const key = noiseKey(seed, step);
  const cut = cutScores(scores, scores[mostLikely]!, params);
  // It is never cut off, and sets a mark that most others could not reach with any noise.
  let token = mostLikely;
  let best = scores[token]! / temperature + gumbel(key, token);
  let reach = Math.max(cut.score, (best - MOST_NOISE) * temperature);
  for (let id = 0; id < scores.length; id++) {
    const score = scores[id]!;
    if (!(score >= reach) || (score === cut.score && id > cut.lastId)) continue;
    const hash = noiseHash(key, id);
    const scaled = score / temperature;
    if (scaled + noiseBound(hash) < best) continue;
    const noisy = scaled + noiseOf(hash);
    if (noisy > best || (noisy === best && id < token)) {
      best = noisy;
      token = id;
      reach = Math.max(cut.score, (best - MOST_NOISE) * temperature);
    }
  }
  return token;
}
