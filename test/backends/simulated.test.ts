import { expect, test } from 'vitest';
import { SimulatedExecutor } from '../../src/backends/simulated.ts';
import { Request, type RequestSpec } from '../../src/core/request.ts';
import { StepPlan } from '../../src/core/step-plan.ts';
import { CostModel } from '../../src/sim/cost/cost-model.ts';
import { runtimes } from '../../src/sim/cost/runtimes.ts';
import { shapeOf } from '../../src/sim/cost/step-shape.ts';
import { findGpu } from '../../src/sim/hardware/catalogue.ts';
import { findModel } from '../../src/sim/models/catalogue.ts';

const cost = new CostModel({
  model: findModel('llama-3.2-1b')!,
  gpu: findGpu('h100')!,
  runtime: runtimes.vllm,
  tensorParallel: 1,
  weights: 'fp16',
  kv: 'fp16',
  blockSize: 16,
});

let made = 0;
const request = (spec: Partial<RequestSpec> = {}) =>
  new Request(made++, { arrival: 0, promptTokens: 10, maxTokens: 100, truth: [3], ...spec });

/** A plan as the scheduler leaves it: computed tokens are counted already. */
function planOf(...entries: readonly (readonly [Request, number])[]): StepPlan {
  const plan = new StepPlan(0, 0);
  for (const [one, count] of entries) plan.add(one, count);
  for (const [one, count] of entries) {
    one.numComputedTokens += count;
    plan.samples.push(one.numComputedTokens >= one.numTokens);
  }
  return plan;
}

test('a sequence stops with the token that makes it as long as it truly is', () => {
  const executor = new SimulatedExecutor(cost, 0);
  const one = request();
  for (const [step, count] of [10, 1, 1].entries()) {
    const { stopped, duration } = executor.execute(planOf([one, count]));
    expect(stopped.map(({ index }) => index)).toEqual(step === 2 ? [0] : []);
    expect(duration).toBeGreaterThan(0);
    one.numOutputTokens++;
  }
});

test('a piece of a prompt stops nothing; a request without a known length never stops by itself', () => {
  const executor = new SimulatedExecutor(cost, 0);
  expect(executor.execute(planOf([request({ truth: [1] }), 9])).stopped).toHaveLength(0);
  const endless = new Request(99, { arrival: 0, promptTokens: 10, maxTokens: 100 });
  expect(executor.execute(planOf([endless, 10])).stopped).toHaveLength(0);
  expect(executor.outputsOf(endless)).toBe(Number.POSITIVE_INFINITY);
});

test('all steps add up to the total', () => {
  const executor = new SimulatedExecutor(cost, 0);
  let seconds = 0;
  for (let i = 0; i < 5; i++) seconds += executor.execute(planOf([request(), 10])).duration;
  expect(executor.total.seconds).toBeCloseTo(seconds, 12);
  expect(executor.total.terms.reduce((a, b) => a + b, 0)).toBeCloseTo(seconds, 12);
});

test('beams change places by the seed and the request, and end together', () => {
  const beams = (seed: number) => {
    const executor = new SimulatedExecutor(cost, seed);
    const one = new Request(7, { arrival: 0, promptTokens: 10, maxTokens: 100, truth: [30], beamWidth: 3 });
    const seen: (readonly number[] | undefined)[] = [];
    executor.execute(planOf([one, 10]));
    one.numOutputTokens++;
    one.seqs.push(...[1, 2].map(index => Object.assign(Object.create(one.seqs[0]!), { index })));
    for (let i = 1; i < 29; i++) {
      const { parents, stopped } = executor.execute(planOf([one, 1]));
      expect(stopped).toHaveLength(0);
      seen.push(parents?.get(one));
      one.numOutputTokens++;
    }
    expect(executor.execute(planOf([one, 1])).stopped).toHaveLength(3);
    return seen;
  };
  for (const parents of beams(1)) {
    expect(parents).toHaveLength(3);
    for (const parent of parents!) expect([0, 1, 2]).toContain(parent);
  }
  expect(beams(1)).toEqual(beams(1));
  expect(beams(1)).not.toEqual(beams(2));
  expect(beams(1).some(parents => String(parents) !== '0,1,2')).toBe(true);
});

test('the shape of a step: prompts and decodes apart, rows that pads and ended rows add', () => {
  const [prompt, piece, decode] = [request(), request({ promptTokens: 40 }), request()];
  decode.numComputedTokens = 10;
  decode.numOutputTokens = 1;
  const plan = planOf([prompt, 10], [piece, 16], [decode, 1]);
  expect(shapeOf(plan, 16)).toEqual({
    tokens: 27,
    sampled: 2,
    sequences: 3,
    decodes: 1,
    decodeKv: 11,
    shortestKv: 11,
    longestKv: 11,
    prefills: [
      { rows: 1, chunk: 10, past: 0 },
      { rows: 1, chunk: 16, past: 0 },
    ],
    copiedTokens: 0,
    swappedTokens: 0,
    swappedBlocks: 0,
  });
  const [short, long] = [request(), request()];
  Object.assign(short, { numComputedTokens: 10, numOutputTokens: 1 });
  Object.assign(long, { numComputedTokens: 30, numOutputTokens: 21 });
  expect(shapeOf(planOf([long, 1], [short, 1]), 16)).toMatchObject({
    decodeKv: 42,
    shortestKv: 11,
    longestKv: 31,
  });
  expect(shapeOf(plan, 16, 4).decodeKv).toBe(4);
  const padded = Object.assign(planOf([request({ promptTokens: 6 }), 6]), { paddedLength: 10 });
  expect(shapeOf(padded, 1)).toMatchObject({ tokens: 10, prefills: [{ rows: 1, chunk: 10, past: 0 }] });
  const held = request();
  held.numComputedTokens = 10;
  held.numOutputTokens = 1;
  const batch = Object.assign(planOf([held, 1]), { paddedLength: 15, heldRows: 3 });
  expect(shapeOf(batch, 1)).toMatchObject({ tokens: 4, sampled: 4, sequences: 4, decodes: 4, decodeKv: 60 });
  const moved = Object.assign(planOf([request(), 10]), {
    swappedInBlocks: 2,
    swappedOutBlocks: 3,
    copiedTokens: 5,
  });
  expect(shapeOf(moved, 16)).toMatchObject({ swappedBlocks: 5, swappedTokens: 80, copiedTokens: 5 });
});
