import type { Draw } from '../../../src/backends/model-runner.ts';
import { gumbel, noiseKey } from '../../../src/backends/sampling/gumbel.ts';

/** The distribution that a draw is from, by sorting everything: vLLM's sampler in the order of its stages. */
export function naiveScores(logits: ArrayLike<number>, draw: Draw): number[] {
  const { params, prompt, output, banned, allowed } = draw;
  const scores = Array.from(logits);
  for (const [token, bias] of params.logitBias) scores[token] = Math.fround(scores[token]! + bias);
  for (const token of banned) scores[token] = -Infinity;
  for (let id = 0; allowed && id < scores.length; id++) {
    if (((allowed[id >>> 5] ?? 0) & (1 << (id & 31))) === 0) scores[id] = -Infinity;
  }
  for (let id = 0; id < scores.length; id++) {
    const count = Array.from(output).filter(token => token === id).length;
    const seen = count > 0 || Array.from(prompt).includes(id);
    if (seen) {
      const score = scores[id]!;
      scores[id] = Math.fround(
        score > 0 ? score / params.repetitionPenalty : score * params.repetitionPenalty,
      );
    }
    if (count === 0) continue;
    scores[id] = Math.fround(scores[id]! - (params.frequencyPenalty * count + params.presencePenalty));
  }
  return scores;
}

/** Probability of each token after temperature, min-p, top-k and top-p. */
export function naiveProbabilities(scores: readonly number[], draw: Draw): number[] {
  const { temperature, minP, topK, topP } = draw.params;
  const best = scores.reduce((most, score) => Math.max(most, score));
  let kept = scores.map((score, id) => ({ id, score, mass: Math.exp((score - best) / temperature) }));
  kept = kept.filter(({ mass }) => mass > 0 && mass >= minP * (1 - 1e-12));
  kept.sort((a, b) => b.score - a.score || a.id - b.id);
  if (topK > 0 && topK < kept.length) {
    const least = kept[topK - 1]!.score;
    kept = kept.filter(({ score }) => score >= least);
  }
  if (topP < 1) {
    const total = kept.reduce((sum, { mass }) => sum + mass, 0);
    let before = 0;
    kept = kept.filter(({ mass }) => {
      const stays = before < topP * total;
      before += mass;
      return stays;
    });
  }
  const total = kept.reduce((sum, { mass }) => sum + mass, 0);
  const result = scores.map(() => 0);
  for (const { id, mass } of kept) result[id] = mass / total;
  return result;
}

/** The token that the same noise gives. */
export function naiveToken(scores: readonly number[], probabilities: readonly number[], draw: Draw): number {
  if (draw.params.temperature === 0) return scores.indexOf(Math.max(...scores));
  const key = noiseKey(draw.seed, draw.step);
  let [best, token] = [-Infinity, -1];
  for (const [id, score] of scores.entries()) {
    const noisy = score / draw.params.temperature + gumbel(key, id);
    if (probabilities[id]! > 0 && noisy > best) [best, token] = [noisy, id];
  }
  return token;
}
