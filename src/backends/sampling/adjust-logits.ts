import type { Draw } from '../model-runner.ts';

let scratch = new Float32Array(0);

/**
 * Logit bias, allowed and banned tokens, and penalties, in vLLM's order and in f32 as there. Returns `logits` itself when
 * nothing changes, and else memory that the next call reuses.
 */
export function adjustLogits(logits: Float32Array, draw: Draw): Float32Array {
  const { logitBias, repetitionPenalty, presencePenalty, frequencyPenalty } = draw.params;
  const counts = presencePenalty !== 0 || frequencyPenalty !== 0;
  const masked = draw.allowed !== undefined || draw.banned.length > 0;
  if (logitBias.size === 0 && !masked && repetitionPenalty === 1 && !counts) return logits;
  if (scratch.length < logits.length) scratch = new Float32Array(logits.length);
  const scores = scratch.subarray(0, logits.length);
  scores.set(logits);
  for (const [token, bias] of logitBias) scores[token]! += bias;
  if (draw.allowed) maskTokens(scores, draw.allowed);
  for (const token of draw.banned) scores[token] = Number.NEGATIVE_INFINITY;
  if (repetitionPenalty !== 1) penalizeRepetition(scores, draw);
  if (counts) penalizeCounts(scores, draw);
  return scores;
}

function maskTokens(scores: Float32Array, allowed: Uint32Array): void {
  for (let word = 0, from = 0; from < scores.length; word++, from += 32) {
    const bits = allowed[word] ?? 0;
    if (bits === -1 >>> 0) continue;
    const to = Math.min(from + 32, scores.length);
    if (bits === 0) scores.fill(Number.NEGATIVE_INFINITY, from, to);
    else
      for (let id = from; id < to; id++)
        if (!((bits >>> (id - from)) & 1)) scores[id] = Number.NEGATIVE_INFINITY;
  }
}

/** Each token of prompt or output once, however often it is there (Keskar et al., CTRL, §4.1). */
function penalizeRepetition(scores: Float32Array, { params, prompt, output }: Draw): void {
  const penalty = params.repetitionPenalty;
  const seen = new Set<number>();
  for (let i = 0; i < prompt.length; i++) seen.add(prompt[i]!);
  for (let i = 0; i < output.length; i++) seen.add(output[i]!);
  for (const token of seen) {
    const score = scores[token]!;
    scores[token] = score > 0 ? score / penalty : score * penalty;
  }
}

function penalizeCounts(scores: Float32Array, { params, output }: Draw): void {
  const counts = new Map<number, number>();
  for (let i = 0; i < output.length; i++) counts.set(output[i]!, (counts.get(output[i]!) ?? 0) + 1);
  for (const [token, count] of counts) {
    scores[token]! -= params.frequencyPenalty * count + params.presencePenalty;
  }
}
