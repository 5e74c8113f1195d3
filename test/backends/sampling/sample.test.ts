import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Draw } from '../../../src/backends/model-runner.ts';
import { noiseBound, noiseOf, pcg } from '../../../src/backends/sampling/gumbel.ts';
import { kthLargest } from '../../../src/backends/sampling/kth-largest.ts';
import { sampleToken } from '../../../src/backends/sampling/sample.ts';
import { drawsOnGpu } from '../../../src/backends/webgpu/step-upload.ts';
import { drawOf } from '../../support/hand-batch.ts';
import { naiveProbabilities, naiveScores, naiveToken } from './naive-sample.ts';

const VOCAB = 40;
// Multiples of 1/4: ties are frequent, and sums of few of them exact.
const logit = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -40, max: 40 }).map(value => value / 4) },
  { weight: 1, arbitrary: fc.double({ min: -60, max: 60, noNaN: true }).map(Math.fround) },
);
const logitsOf = (length: number) => fc.array(logit, { minLength: length, maxLength: length });
const id = fc.integer({ min: 0, max: VOCAB - 1 });

/** Ids past its end are not allowed. */
function maskOf(ids: readonly number[]): Uint32Array {
  const mask = new Uint32Array(ids.some(id => id >= 32) ? 2 : 1);
  for (const id of ids) mask[id >>> 5]! |= 1 << (id & 31);
  return mask;
}

const drawArbitrary: fc.Arbitrary<Draw> = fc
  .record({
    temperature: fc.constantFrom(0, 0.25, 0.7, 1, 2),
    topK: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: VOCAB + 2 })),
    topP: fc.oneof(fc.constant(1), fc.constantFrom(0.03, 0.31, 0.77, 0.93)),
    minP: fc.oneof(fc.constant(0), fc.constantFrom(0.013, 0.11, 0.9, 1)),
    presencePenalty: fc.constantFrom(0, 0, 0.5, -1.25),
    frequencyPenalty: fc.constantFrom(0, 0, 0.25, 1.5),
    repetitionPenalty: fc.constantFrom(1, 1, 1.5, 0.5),
    bias: fc.array(fc.tuple(id, fc.integer({ min: -8, max: 8 })), { maxLength: 3 }),
    seed: fc.integer({ min: 0, max: 2 ** 40 }),
    step: fc.nat(1000),
    prompt: fc.array(id, { maxLength: 6 }),
    output: fc.array(id, { maxLength: 6 }),
    banned: fc.array(id, { maxLength: 3 }),
    allowed: fc.option(fc.uniqueArray(id, { minLength: 4, maxLength: VOCAB }).map(maskOf), {
      nil: undefined,
    }),
  })
  .map(({ seed, step, prompt, output, banned, allowed, bias, ...params }) =>
    drawOf(0, { seed, step, prompt, output, banned, allowed }, { ...params, logitBias: new Map(bias) }),
  );

/** Whether the edge of top-p or min-p is so near a token that rounding may decide. */
function nearEdge(probabilities: readonly number[], scores: readonly number[], draw: Draw): boolean {
  const { topP, minP, temperature } = draw.params;
  const best = Math.max(...scores);
  if (scores.some(score => minP > 0 && Math.abs(Math.exp((score - best) / temperature) - minP) < 1e-9))
    return true;
  if (topP === 1) return false;
  const whole = naiveProbabilities(scores, { ...draw, params: { ...draw.params, topP: 1 } });
  const kept = probabilities.reduce((sum, value, i) => sum + (value > 0 ? whole[i]! : 0), 0);
  const least = Math.min(...whole.filter((_, i) => probabilities[i]! > 0));
  return Math.abs(kept - topP) < 1e-9 || Math.abs(kept - least - topP) < 1e-9;
}

test('draws as the stages one after the other do, whatever is asked for', () => {
  let noisy = 0;
  fc.assert(
    fc.property(logitsOf(VOCAB), drawArbitrary, (values, draw) => {
      const logits = Float32Array.from(values);
      const before = logits.slice();
      const scores = naiveScores(logits, draw);
      const probabilities = draw.params.temperature > 0 ? naiveProbabilities(scores, draw) : [];
      if (draw.params.temperature > 0 && nearEdge(probabilities, scores, draw)) return;
      if (draw.params.temperature > 0) noisy++;
      expect(sampleToken(logits, draw).token).toBe(naiveToken(scores, probabilities, draw));
      expect(logits).toEqual(before);
    }),
    { numRuns: 3000 },
  );
  expect(noisy).toBeGreaterThan(1500);
});

test('greedy: of equals the lowest id, and never what is banned', () => {
  const logits = Float32Array.of(1, 3, 3, 2);
  expect(sampleToken(logits, drawOf(0)).token).toBe(1);
  expect(sampleToken(logits, drawOf(0, { banned: [1] })).token).toBe(2);
  expect(sampleToken(logits, drawOf(0, {}, { logitBias: new Map([[3, 5]]) })).token).toBe(3);
  const allowed = Uint32Array.of(0b1001);
  expect(sampleToken(logits, drawOf(0, { allowed })).token).toBe(3);
  expect(sampleToken(logits, drawOf(0, { allowed, banned: [3] })).token).toBe(0);
  expect(() => sampleToken(logits, drawOf(0, { allowed, banned: [0, 3] }))).toThrow('no token can be drawn');
  expect(() => sampleToken(logits, drawOf(0, { banned: [0, 1, 2, 3] }))).toThrow('no token can be drawn');
  const broken = new Float32Array(4).fill(Number.NaN);
  expect(() => sampleToken(broken, drawOf(0))).toThrow('no logit is a number: the weights are damaged');
  expect(() => sampleToken(Float32Array.of(Number.NaN, Number.NaN), drawOf(0))).toThrow(
    'no logit is a number',
  );
});

test('a masked draw is not one for the GPU, nor a token that feeds the next step unread', () => {
  expect(drawsOnGpu(drawOf(0))).toBe(true);
  expect(drawsOnGpu(drawOf(0, { allowed: Uint32Array.of(1) }))).toBe(false);
});

test('seed and step are all the chance there is', () => {
  const logits = Float32Array.from({ length: 500 }, (_, i) => Math.sin(i));
  const tokens = (seed: number) =>
    Array.from(
      { length: 50 },
      (_, step) => sampleToken(logits, drawOf(0, { seed, step }, { temperature: 1 })).token,
    );
  expect(tokens(7)).toEqual(tokens(7));
  expect(tokens(7)).not.toEqual(tokens(8));
  expect(tokens(7)).not.toEqual(tokens(7 + 2 ** 32));
  expect(new Set(tokens(7)).size).toBeGreaterThan(30);
});

test('log-probabilities are those of the untouched logits, most likely first', () => {
  fc.assert(
    fc.property(logitsOf(VOCAB), drawArbitrary, fc.integer({ min: 0, max: VOCAB }), (values, draw, count) => {
      const logits = Float32Array.from(values);
      const best = Math.max(...logits);
      const total = best + Math.log(logits.reduce((sum, value) => sum + Math.exp(value - best), 0));
      const drawn = sampleToken(logits, { ...draw, params: { ...draw.params, logprobs: count } });
      expect(drawn.logprob).toBeCloseTo(logits[drawn.token]! - total, 9);
      const sorted = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b).slice(0, count);
      expect(drawn.top!.map(([token]) => token)).toEqual(sorted);
      for (const [token, logprob] of drawn.top!) expect(logprob).toBeCloseTo(logits[token]! - total, 9);
    }),
    { numRuns: 300 },
  );
  expect(sampleToken(Float32Array.of(1, 2), drawOf(0))).toEqual({ token: 1 });
});

test.each([
  ['all tokens', {}],
  ['temperature 0.5', { temperature: 0.5 }],
  ['top-k', { topK: 5 }],
  ['top-p', { topP: 0.8 }],
  ['min-p', { minP: 0.2 }],
  ['all three', { temperature: 1.5, topK: 8, topP: 0.9, minP: 0.05 }],
])('draws follow the distribution: chi-square, %s', (_, params) => {
  const logits = Float32Array.from({ length: 16 }, (_, i) => 2 * Math.sin(i * 1.7) + i / 10);
  const draw = drawOf(0, {}, { temperature: 1, ...params });
  const expected = naiveProbabilities([...logits], draw);
  const draws = 40_000;
  const counts = new Float64Array(16);
  // Half over seeds, half over the steps of one seed: both must be like independent.
  for (let i = 0; i < draws / 2; i++) {
    counts[sampleToken(logits, { ...draw, seed: i, step: 3 }).token]!++;
    counts[sampleToken(logits, { ...draw, seed: 99, step: i }).token]!++;
  }
  let chiSquare = 0;
  let categories = 0;
  for (const [id, probability] of expected.entries()) {
    if (probability === 0) expect(counts[id]).toBe(0);
    else {
      categories++;
      chiSquare += (counts[id]! - draws * probability) ** 2 / (draws * probability);
    }
  }
  // Beyond four standard deviations of chi-square: once in some ten thousand.
  expect(chiSquare).toBeLessThan(categories - 1 + 4 * Math.sqrt(2 * (categories - 1)));
});

test('the k-th largest', () => {
  fc.assert(
    fc.property(fc.array(logit, { minLength: 1, maxLength: 60 }), fc.nat(), (values, pick) => {
      const k = 1 + (pick % values.length);
      const sorted = Float32Array.from(values).sort().reverse();
      // −0 and 0 are equals.
      expect(kthLargest(Float32Array.from(values), k) + 0).toBe(sorted[k - 1]! + 0);
    }),
  );
  const large = Float32Array.from({ length: 5000 }, (_, i) => pcg(i));
  const sorted = large.slice().sort().reverse();
  for (const k of [1, 50, 2048, 4999, 5000]) expect(kthLargest(large, k)).toBe(sorted[k - 1]);
});

test('the bound on a noise holds for every hash', () => {
  const check = (hash: number) => expect(noiseBound(hash)).toBeGreaterThanOrEqual(noiseOf(hash));
  for (let bit = 0; bit < 32; bit++) {
    for (const hash of [2 ** bit - 1, 2 ** bit, 2 ** bit + 1, 2 ** bit + 511, 2 ** bit + 512])
      check(hash >>> 0);
  }
  for (let i = 0; i < 10_000; i++) check(pcg(i) >>> (i % 32));
  check(2 ** 32 - 1);
});

test('a vocabulary of 128 k draws as the naive sampler does', () => {
  const logits = Float32Array.from({ length: 128_256 }, (_, i) => 12 * (pcg(i) / 2 ** 32) ** 3);
  for (const params of [
    { temperature: 1 },
    { temperature: 0.8, topP: 0.95 },
    { temperature: 0.8, topK: 40, topP: 0.97 },
    { temperature: 1.3, topK: 3000, minP: 0.01 },
  ]) {
    const draw = drawOf(0, { seed: 11, step: 5 }, params);
    const scores = [...logits];
    expect(sampleToken(logits, draw).token).toBe(
      naiveToken(
        scores,
        naiveProbabilities(
          scores.map(x => x),
          draw,
        ),
        draw,
      ),
    );
  }
});
