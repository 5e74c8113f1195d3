import { describe, expect, test } from 'vitest';
import { setUpEngine } from '../../src/sim/engine-setup.ts';
import { findGpu } from '../../src/sim/hardware/catalogue.ts';
import type { Arrival } from '../../src/sim/workload/workload.ts';
import { errorOf } from '../../src/validation/case.ts';
import { paperCost, SharedPrefixCost } from '../../src/validation/paper/engine.ts';
import { findKnees, kneeCase, sectionOf } from '../../src/validation/paper/figure-12.ts';
import { findKnee } from '../../src/validation/paper/knee.ts';
import { figure12, figure14 } from '../../src/validation/paper/latency-record.ts';
import { kneeOf, normalizedLatency } from '../../src/validation/paper/latency-run.ts';
import { chat, completion, translation } from '../../src/validation/paper/latency-workloads.ts';
import { LIMIT } from '../../src/validation/paper/section.ts';
import { modelOf, paperVllm, servers } from '../../src/validation/paper/setup.ts';
import { stepCases } from '../../src/validation/paper/step-times.ts';
import { fasterTransformerOf, orca, vllm, vllmWithPrefix } from '../../src/validation/paper/systems.ts';

const decodes = (count: number, context: number) => ({
  tokens: count,
  sampled: count,
  sequences: count,
  decodes: count,
  decodeKv: context,
  shortestKv: 0,
  longestKv: 0,
  prefills: [],
  copiedTokens: 0,
  swappedTokens: 0,
  swappedBlocks: 0,
});

function costOf(server: keyof typeof servers) {
  const { model, gpu, tensor_parallel: tensorParallel, kv_slots: kvSlots } = servers[server];
  return setUpEngine({
    policy: paperVllm,
    model: modelOf(model),
    gpu: findGpu(gpu)!,
    tensorParallel,
    weights: 'fp16',
    kv: 'fp16',
    gpuMemoryUtilization: 1,
    kvSlots,
  }).cost;
}

describe('the knee', () => {
  // Flat until 2 requests/s, then as steep as an overload.
  const curve = (rate: number) => 0.03 * Math.exp(Math.max(0, rate - 2) * 20);
  const truth = 2 + Math.log(0.5 / 0.03) / 20;

  test.each([0.1, 1.9, 2, 2.2, 30])('is found from %d on either side', start => {
    expect(findKnee(curve, start, 0.5).rate / truth - 1).toBeCloseTo(0, 2);
  });

  test('lies between simulated rates that are given in ascending order', () => {
    const { rate, points } = findKnee(curve, 1, 0.5);
    const rates = points.map(point => point[0]);
    expect(rates).toEqual(rates.toSorted((a, b) => a - b));
    const below = points.filter(point => point[1] <= 0.5).at(-1)!;
    const above = points.find(point => point[1] > 0.5)!;
    expect(rate).toBeGreaterThan(below[0]);
    expect(rate).toBeLessThan(above[0]);
    expect(above[0] / below[0]).toBeLessThan(1.11);
    for (const [at, latency] of points) expect(latency).toBe(curve(at));
  });

  test('is at rate 0 where even an idle server is too slow, or nothing can be measured', () => {
    expect(findKnee(() => 1, 2, 0.5).rate).toBe(0);
    expect(findKnee(rate => (rate < 1 ? Number.NaN : 1), 2, 0.5)).toEqual({
      rate: 0,
      points: expect.not.arrayContaining([[expect.anything(), Number.NaN]]),
    });
  });

  test('no search runs for ever on a curve with a jump, and none simulates a rate twice', () => {
    const asked: number[] = [];
    const jump = (rate: number) => {
      asked.push(rate);
      return rate > 3 ? 1e9 : 1e-9;
    };
    expect(findKnee(jump, 1, 0.5).rate).toBeCloseTo(3, 0);
    expect(new Set(asked).size).toBe(asked.length);
    expect(asked.length).toBeLessThan(60);
  });
});

describe('normalised latency', () => {
  const at = (arrival: number, promptTokens: number, output: number): Arrival => ({
    arrival,
    promptTokens,
    outputTokens: [output],
  });

  test('is latency over output length, of the requests behind the warm-up', () => {
    const cost = paperCost(costOf('opt-13b'), { kind: 'random', sequences: 1 });
    // One decode after the prompt: two steps.
    const prompt = cost.price({
      ...decodes(0, 0),
      tokens: 100,
      sampled: 1,
      sequences: 1,
      prefills: [{ rows: 1, chunk: 100, past: 0 }],
    }).seconds;
    const decode = cost.price(decodes(1, 101)).seconds;
    const server = servers['opt-13b'];
    const alone = normalizedLatency(vllm(), server, [at(0, 900, 3), at(100, 100, 2)]);
    expect(alone).toBeCloseTo((prompt + decode) / 2, 9);
    expect(normalizedLatency(vllm(), server, [at(0, 900, 3)])).toBeNaN();
  });

  test("FasterTransformer's batches are as large as the authors ran them, and make newcomers wait", () => {
    const server = servers['opt-13b'];
    const burst = Array.from({ length: 6 }, () => at(100, 50, 200));
    const six = normalizedLatency(fasterTransformerOf(6), server, burst);
    const five = normalizedLatency(fasterTransformerOf(5), server, burst);
    // The sixth waits for the other five: one latency of six is doubled.
    expect(five / six).toBeCloseTo(7 / 6, 1);
  });
});

describe('workloads', () => {
  test('every rate meets the same requests, closer together', () => {
    const trace = completion({ kind: 'alpaca' });
    const [slow, fast] = [trace(1, 100), trace(2, 50)];
    expect(fast.map(({ promptTokens }) => promptTokens)).toEqual(
      slow.map(({ promptTokens }) => promptTokens),
    );
    expect(fast.at(-1)!.arrival).toBeCloseTo(50, 9);
    expect(slow.at(-1)!.arrival).toBeCloseTo(100, 9);
  });

  test('samples of a request are equally long; beams are one request of that width', () => {
    const [sampled] = completion({ kind: 'alpaca' }, { n: 4, beam: false })(1, 10);
    expect(new Set(sampled!.outputTokens).size).toBe(1);
    expect(sampled!.outputTokens).toHaveLength(4);
    const [searched] = completion({ kind: 'alpaca' }, { n: 4, beam: true })(1, 10);
    expect(searched).toMatchObject({ beamWidth: 4, outputTokens: [sampled!.outputTokens[0]] });
  });

  test('translations share their prefix, and nothing behind it', () => {
    const [a, b] = translation(80)(1, 10);
    expect(a!.promptTokens).toBeGreaterThan(80);
    for (const position of [0, 79]) expect(a!.tokens!.at(position)).toBe(b!.tokens!.at(position));
    expect(a!.tokens!.at(80)).not.toBe(b!.tokens!.at(80));
  });

  test('a chat keeps to its halves of the context, and grows from turn to turn', () => {
    const of = (newProbability: number) =>
      chat({ newProbability, maxPrompt: 1024, maxOutput: 1016, turns: 3.5 })(1, 2000);
    const mean = (arrivals: readonly Arrival[]) =>
      arrivals.reduce((sum, { promptTokens }) => sum + promptTokens, 0) / arrivals.length;
    for (const { promptTokens, outputTokens } of of(0.1)) {
      expect(promptTokens).toBeLessThanOrEqual(1024);
      expect(outputTokens[0]).toBeLessThanOrEqual(1016);
    }
    // Only first turns: ShareGPT's prompts (161 tokens). The artifact's 0.5 for vLLM lies between.
    expect(mean(of(1)) / 161.31 - 1).toBeCloseTo(0, 1);
    expect(mean(of(0.1))).toBeGreaterThan(mean(of(0.5)) * 1.2);
    expect(mean(of(0.5))).toBeGreaterThan(mean(of(1)) * 1.2);
  });
});

describe("the paper's engine", () => {
  test('adds Ray to every step, and a turn in the sampler to every request', () => {
    const released = costOf('opt-13b');
    const added = (kind: 'random' | 'greedy', sequences: number, batch: number) =>
      (paperCost(released, { kind, sequences }).price(decodes(batch, 300 * batch)).seconds -
        released.price(decodes(batch, 300 * batch)).seconds) *
      1e3;
    expect(added('random', 1, 1)).toBeCloseTo(6.3 + 0.34, 6);
    expect(added('random', 1, 30)).toBeCloseTo(6.3 + 30 * 0.34, 6);
    expect(added('random', 6, 30)).toBeCloseTo(6.3 + 5 * 0.34, 6);
    expect(added('greedy', 1, 30)).toBeCloseTo(6.3 + 30 * 0.11, 6);
  });

  test('launches slowly enough to show on eight GPUs, and on one not', () => {
    const launch = (server: keyof typeof servers) => {
      const cost = paperCost(costOf(server), { kind: 'random', sequences: 1 });
      const { terms } = cost.price(decodes(7, 2300));
      const device = Array.from(terms).reduce((sum, term) => sum + term, 0);
      return { device, layers: cost.options.model.layers };
    };
    const eight = launch('opt-175b');
    // 19 operations of 30 µs, and two all-reduces: 0.76 ms a layer.
    expect((eight.device * 1e3 - 6.3 - 1 - 7 * (0.34 + 0.049)) / eight.layers).toBeCloseTo(0.76, 1);
    expect((launch('opt-13b').device * 1e3) / 40).toBeLessThan(0.95);
  });

  test('reads a shared prefix from memory once, and from the cache for the others', () => {
    const cost = costOf('opt-13b');
    const shared = new SharedPrefixCost(cost, 336);
    const price = (model: typeof cost, count: number) => model.price(decodes(count, 400 * count)).seconds;
    expect(price(shared, 1)).toBe(price(cost, 1));
    expect(price(shared, 100)).toBeLessThan(price(cost, 100));
    expect(price(shared, 100)).toBeGreaterThan(cost.price(decodes(100, 64 * 100)).seconds);
  });
});

describe('the record', () => {
  test('a reading beyond the highest rate that was run is a range', () => {
    const line = { knee: 0.65, ran: [0.2, 0.5] } as const;
    const disputed = kneeCase('a', line, 0.45)!;
    expect(disputed.measured).toEqual([0.5, 0.65]);
    expect(errorOf(disputed)).toBeCloseTo(-0.1);
    expect(disputed.note).toContain('0.65');
    expect(kneeCase('a', { ...line, knee: 0.4 }, 0.45)).toMatchObject({ measured: 0.4, bound: 0.15 });
    expect(kneeCase('a', { ran: [1, 2] }, 1.5)).toMatchObject({ measured: [1, 2] });
    expect(kneeCase('a', {}, 1.5)).toBeUndefined();
  });

  test('a range wider than a factor of two holds no figure', () => {
    expect(kneeCase('a', { ran: [6, 12] }, 20)!.bound).toBe(0.15);
    expect(kneeCase('a', { ran: [3, 7] }, 20)).toMatchObject({ measured: [3, 7] });
    expect(kneeCase('a', { ran: [3, 7] }, 20)).not.toHaveProperty('bound');
    const free = figure12
      .flatMap(({ lines }) => Object.values(lines))
      .filter(({ knee, ran }) => knee === undefined && ran && kneeCase('a', { ran }, 1)!.bound === undefined);
    expect(free.map(({ ran }) => ran)).toEqual([
      [0.1, 2.5],
      [3, 7],
      [0.1, 5],
      [1.25, 7],
    ]);
  });

  test('lists every line of every panel, with rates in order', () => {
    expect(figure12).toHaveLength(6);
    const lines = figure12.flatMap(panel => Object.values(panel.lines));
    expect(lines).toHaveLength(30);
    const ranges = [
      ...lines.flatMap(({ ran }) => (ran ? [ran] : [])),
      ...figure14.flatMap(r => Object.values(r.ran)),
    ];
    for (const [lowest, highest] of ranges) expect(lowest).toBeLessThan(highest);
  });
});

test('OPT-175B on ShareGPT: the systems come in the order of the paper, near their knees', async () => {
  const labels: string[] = [];
  const panels = figure12.filter(({ model, lengths }) => model === 'opt-175b' && lengths === 'sharegpt');
  const found = await findKnees(async label => {
    labels.push(label);
  }, panels);
  expect(labels).toHaveLength(5);
  const { cases, charts } = sectionOf(found);
  const knees = cases.filter(({ unit }) => unit === 'req/s');
  const rates = knees.map(({ predicted }) => predicted);
  expect(rates).toEqual(rates.toSorted((a, b) => a - b));
  for (const figure of knees) expect(Math.abs(errorOf(figure)), figure.what).toBeLessThan(0.2);
  expect(charts).toHaveLength(1);
  for (const { points } of charts[0]!.series) expect(points[0]![1]).toBeLessThan(LIMIT);
}, 60_000);

test('sharing pays: a prefix that all requests share more than doubles the rate', () => {
  const server = { ...servers['opt-13b'], model: 'llama-13b' };
  const sampler = { kind: 'greedy', sequences: 1 } as const;
  const knee = (system: ReturnType<typeof vllm>) =>
    kneeOf(system, server, translation(341), { duration: 120, limit: LIMIT, start: 20 }).rate;
  const ratio = knee(vllmWithPrefix(341, sampler)) / knee(orca('oracle', sampler));
  expect(ratio).toBeGreaterThan(2.5);
  expect(ratio).toBeLessThan(5);
}, 60_000);

test("steps without the paper's extras are those that DistServe measured", () => {
  for (const figure of stepCases()) expect(Math.abs(errorOf(figure)), figure.what).toBeLessThan(0.16);
});
