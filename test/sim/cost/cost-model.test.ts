import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CostModel, type CostOptions, readCurve } from '../../../src/sim/cost/cost-model.ts';
import { runtimes } from '../../../src/sim/cost/runtimes.ts';
import type { StepShape } from '../../../src/sim/cost/step-shape.ts';
import { costTerms, type StepCost, term } from '../../../src/sim/cost/terms.ts';
import { findGpu, gpus } from '../../../src/sim/hardware/catalogue.ts';
import type { MeasuredKernels } from '../../../src/sim/kernels/kernel-tables.ts';
import { findModel, models } from '../../../src/sim/models/catalogue.ts';
import { parameterCount } from '../../../src/sim/models/parameters.ts';

function model(change: Partial<CostOptions> = {}): CostModel {
  return new CostModel({
    model: findModel('llama-2-7b')!,
    gpu: findGpu('a100-80g')!,
    runtime: runtimes.vllm,
    tensorParallel: 1,
    weights: 'fp16',
    kv: 'fp16',
    blockSize: 16,
    ...change,
  });
}

const nothing: StepShape = {
  tokens: 0,
  sampled: 0,
  sequences: 0,
  decodes: 0,
  decodeKv: 0,
  shortestKv: 0,
  longestKv: 0,
  prefills: [],
  copiedTokens: 0,
  swappedTokens: 0,
  swappedBlocks: 0,
};
const decode = (rows: number, context: number): StepShape => ({
  ...nothing,
  tokens: rows,
  sampled: rows,
  sequences: rows,
  decodes: rows,
  decodeKv: rows * context,
});
const prefill = (chunk: number, past = 0): StepShape => ({
  ...nothing,
  tokens: chunk,
  sampled: 1,
  sequences: 1,
  prefills: [{ rows: 1, chunk, past }],
});
/** The price object is reused: a copy that stays. */
const priced = (cost: CostModel, shape: StepShape): StepCost => {
  const { terms, ...rest } = cost.price(shape);
  return { ...rest, terms: terms.slice() };
};
const seconds = (cost: CostModel, shape: StepShape) => cost.price(shape).seconds;

const shapes: fc.Arbitrary<StepShape> = fc
  .record({
    decodes: fc.integer({ min: 0, max: 300 }),
    context: fc.integer({ min: 1, max: 4000 }),
    prefills: fc.array(
      fc.record({
        rows: fc.integer({ min: 1, max: 4 }),
        chunk: fc.integer({ min: 1, max: 2048 }),
        past: fc.integer({ min: 0, max: 4096 }),
      }),
      { maxLength: 4 },
    ),
    copiedTokens: fc.constantFrom(0, 16, 10_000),
    swappedBlocks: fc.constantFrom(0, 3),
  })
  .filter(({ decodes, prefills }) => decodes + prefills.length > 0)
  .map(({ decodes, context, prefills, copiedTokens, swappedBlocks }) => {
    const tokens = decodes + prefills.reduce((sum, { rows, chunk }) => sum + rows * chunk, 0);
    const rows = decodes + prefills.reduce((sum, piece) => sum + piece.rows, 0);
    return {
      tokens,
      sampled: rows,
      sequences: rows,
      decodes,
      decodeKv: decodes * context,
      shortestKv: decodes > 0 ? context : 0,
      longestKv: decodes > 0 ? context : 0,
      prefills,
      copiedTokens,
      swappedTokens: swappedBlocks * 16,
      swappedBlocks,
    };
  });

const options: fc.Arbitrary<CostModel> = fc
  .record({
    model: fc.constantFrom(...models),
    gpu: fc.constantFrom(...gpus),
    runtime: fc.constantFrom(...Object.values(runtimes)),
    tensorParallel: fc.constantFrom(1, 2, 4, 8),
    weights: fc.constantFrom('fp16' as const, 'fp8' as const, 'int8' as const, 'int4' as const),
    kv: fc.constantFrom('fp16' as const, 'fp8' as const),
    enforceEager: fc.boolean(),
  })
  .filter(({ model: { heads }, tensorParallel }) => heads % tensorParallel === 0)
  .map(change =>
    Object.assign(model(change), {
      [fc.toStringMethod]: () =>
        `${change.model.name} on ${change.gpu.name}, ${change.runtime.source}, TP ${change.tensorParallel}, ${change.weights}`,
    }),
  );

describe('a price and its parts, for any model, GPU, runtime and step', () => {
  test('the terms sum to the seconds, as do compute, bandwidth and overhead; all are at least 0', () => {
    fc.assert(
      fc.property(options, shapes, (cost, shape) => {
        const price = priced(cost, shape);
        const { compute, bandwidth, overhead } = price;
        const sum = price.terms.reduce((a, b) => a + b, 0);
        expect(price.terms).toHaveLength(costTerms.length);
        expect(Math.abs(sum - price.seconds)).toBeLessThanOrEqual(1e-12 + 1e-9 * price.seconds);
        expect(Math.abs(compute + bandwidth + overhead - price.seconds)).toBeLessThanOrEqual(
          1e-12 + 1e-9 * price.seconds,
        );
        for (const part of [...price.terms, compute, bandwidth, overhead, price.flops, price.bytes]) {
          expect(part).toBeGreaterThanOrEqual(0);
          expect(Number.isFinite(part)).toBe(true);
        }
        expect(price.seconds).toBeGreaterThan(0);
        // The same step costs the same, whatever was priced in between.
        cost.price(prefill(77));
        expect(priced(cost, shape)).toEqual(price);
      }),
      { numRuns: 300 },
    );
  });

  test('no step beats the peaks of its GPU', () => {
    fc.assert(
      fc.property(options, shapes, (cost, shape) => {
        const { seconds: time, flops, bytes } = cost.price(shape);
        const { gpu } = cost.options;
        const fastest = Math.max(...Object.values(gpu.flops));
        expect(flops / time).toBeLessThan(fastest);
        expect(bytes / time).toBeLessThan(gpu.bandwidth);
      }),
      { numRuns: 300 },
    );
  });

  test('more rows, more context, longer prompts, longer pasts, more copies never cost less', () => {
    fc.assert(
      fc.property(options, shapes, (cost, shape) => {
        const time = seconds(cost, shape);
        const least = time * (1 - 1e-9);
        const dearer = (what: string, change: Partial<StepShape>) =>
          expect(seconds(cost, { ...shape, ...change }), what).toBeGreaterThanOrEqual(least);
        dearer('context', { decodeKv: shape.decodeKv + 1000 });
        dearer('copies', { copiedTokens: shape.copiedTokens + 1000 });
        dearer('past', { prefills: shape.prefills.map(piece => ({ ...piece, past: piece.past + 64 })) });
        dearer('rows', { tokens: shape.tokens + 8, sampled: shape.sampled + 8 });
      }),
      { numRuns: 300 },
    );
  });

  test('a longer prompt costs more, longer than two halves of it cost in compute', () => {
    const cost = model();
    let last = 0;
    for (let chunk = 16; chunk <= 4096; chunk += 16) {
      const time = seconds(cost, prefill(chunk));
      expect(time, `${chunk}`).toBeGreaterThanOrEqual(last);
      last = time;
    }
  });
});

describe('what changes the price', () => {
  test('tensor parallelism halves the traffic of weights and KV, and adds all-reduces', () => {
    const [one, two] = [1, 2].map(tensorParallel => priced(model({ tensorParallel }), decode(8, 1000)));
    expect(two!.bytes / one!.bytes).toBeGreaterThan(0.5);
    expect(two!.bytes / one!.bytes).toBeLessThan(0.51);
    expect(two!.seconds).toBeLessThan(one!.seconds);
    expect(one!.terms[term.all_reduce]).toBe(0);
    expect(two!.terms[term.all_reduce]).toBeGreaterThan(0);
    // KV heads are copied where there are fewer than GPUs.
    const grouped = findModel('llama-3.1-70b')!;
    const [eight, sixteen] = [8, 16].map(tensorParallel => model({ model: grouped, tensorParallel }));
    expect(sixteen!.kvBytesPerToken).toBe(eight!.kvBytesPerToken);
  });

  test('fp8 is faster than fp16 on a GPU that has it: weights, KV and arithmetic', () => {
    const gpu = findGpu('h100')!;
    const wide = model({ gpu });
    const narrow = model({ gpu, weights: 'fp8', kv: 'fp8' });
    for (const shape of [decode(1, 100), decode(256, 2000), prefill(4096)]) {
      expect(seconds(narrow, shape)).toBeLessThan(seconds(wide, shape));
    }
    // No fp8 units: arithmetic as with fp16, traffic halved.
    const ampere = model({ weights: 'fp8' });
    expect(ampere.peakFlops).toBe(model().peakFlops);
    expect(seconds(ampere, decode(1, 100))).toBeLessThan(0.7 * seconds(model(), decode(1, 100)));
    expect(seconds(model({ weights: 'int4' }), decode(1, 100))).toBeLessThan(seconds(ampere, decode(1, 100)));
  });

  test('eager is never faster than a CUDA graph of the very size, and prompts never use one', () => {
    const graph = model();
    const eager = model({ enforceEager: true });
    for (const rows of [1, 2, 4, 8, 16, 64, 256, 512]) {
      expect(seconds(eager, decode(rows, 500))).toBeGreaterThanOrEqual(seconds(graph, decode(rows, 500)));
    }
    expect(seconds(eager, prefill(512))).toBe(seconds(graph, prefill(512)));
    // Python launches 45 kernels a layer: the GPU waits. A graph has one launch.
    const python = model({ runtime: runtimes.transformers });
    expect(priced(python, decode(1, 10)).terms[term.launch]).toBeGreaterThan(0.005);
    expect(priced(graph, decode(1, 10)).terms[term.launch]).toBe(0);
    // Rows are padded to a captured size.
    expect(seconds(graph, { ...decode(9, 0), decodeKv: 0 })).toBeCloseTo(
      seconds(graph, { ...decode(16, 0), sampled: 9, sequences: 9 }),
      12,
    );
  });

  test('a mixture of experts reads those that are chosen, never more than all', () => {
    const moe = findModel('mixtral-8x7b')!;
    const gpu = findGpu('h100')!;
    const cost = model({ model: moe, gpu });
    const all = 2 * parameterCount(moe).total;
    const one = priced(cost, decode(1, 1));
    const many = priced(cost, decode(512, 1));
    expect(one.bytes).toBeGreaterThan(2 * parameterCount(moe).active * 0.97);
    expect(one.bytes).toBeLessThan(2 * parameterCount(moe).active * 1.05);
    const experts = (shape: StepShape) => priced(cost, shape).bytes;
    expect(experts(decode(64, 1))).toBeLessThan(all * 1.05);
    expect(many.bytes).toBeGreaterThan(one.bytes);
    let last = 0;
    for (const rows of [1, 2, 4, 8, 16, 32]) {
      const bytes = experts(decode(rows, 1));
      expect(bytes).toBeGreaterThan(last);
      last = bytes;
    }
  });

  test('attention does not look back beyond a sliding window', () => {
    const cost = model({ model: findModel('mistral-7b')!, gpu: findGpu('h100')! });
    const far = priced(cost, prefill(512, 16_000)).terms[term.prefill_attention]!;
    const near = priced(cost, prefill(512, 4096)).terms[term.prefill_attention]!;
    expect(far).toBeLessThanOrEqual(near * 1.05);
  });

  test('swaps go at the speed of PCIe, concatenation at that of memory', () => {
    const cost = model();
    const swap = priced(cost, { ...decode(1, 1), swappedTokens: 16_000, swappedBlocks: 1000 });
    const bytes = 16_000 * cost.kvBytesPerToken;
    expect(swap.terms[term.swap]).toBeGreaterThan(bytes / cost.options.gpu.pcie);
    const copy = priced(cost, { ...decode(1, 1), copiedTokens: 16_000 });
    expect(copy.terms[term.kv_copy]).toBeGreaterThan((2 * bytes) / cost.options.gpu.bandwidth);
    expect(copy.terms[term.kv_copy]).toBeLessThan(swap.terms[term.swap]!);
  });
});

describe('sanity against what is known', () => {
  test('one sequence of Llama-2-7B on an A100 decodes at about the speed of reading the weights', () => {
    const cost = model();
    const { total, embedding } = parameterCount(findModel('llama-2-7b')!);
    const roofline = (2 * (total - embedding)) / 2.039e12;
    const time = seconds(cost, decode(1, 100));
    expect(time).toBeGreaterThan(roofline);
    expect(time).toBeLessThan(1.8 * roofline);
    expect(priced(cost, decode(1, 100)).bytes).toBeGreaterThan(2 * (total - embedding));
  });

  test('a prompt of 2048 tokens reaches an MFU of 0.45 to 0.8 on an A100, more on longer than on short ones', () => {
    const cost = model();
    const mfu = (tokens: number) => {
      const { flops, seconds: time } = cost.price(prefill(tokens));
      return flops / time / cost.peakFlops;
    };
    expect(mfu(2048)).toBeGreaterThan(0.45);
    expect(mfu(2048)).toBeLessThan(0.8);
    expect(mfu(32)).toBeLessThan(0.3);
    expect(mfu(2048)).toBeGreaterThan(mfu(128));
    // 2 FLOPs a weight and token, and attention.
    const { total, embedding } = parameterCount(findModel('llama-2-7b')!);
    const linear = 2 * (total - embedding) * 2048;
    const { flops } = cost.price({ ...prefill(2048), sampled: 2048 });
    expect(flops / linear).toBeGreaterThan(1);
    expect(flops / linear).toBeLessThan(1.1);
  });

  test('attention of a prompt in pieces has as many FLOPs as in one', () => {
    const cost = model();
    const sampled = 1;
    const whole = priced(cost, { ...prefill(2048), sampled }).flops;
    let pieces = 0;
    for (let past = 0; past < 2048; past += 512) {
      pieces += priced(cost, { ...prefill(512, past), sampled: past === 1536 ? 1 : 0 }).flops;
    }
    expect(pieces / whole).toBeCloseTo(1, 9);
  });

  test('curves are read linearly in log x, and are flat outside', () => {
    const curve = [
      [100, 0.2],
      [400, 0.6],
    ] as const;
    expect(readCurve(curve, 200)).toBeCloseTo(0.4, 12);
    expect([
      readCurve(curve, 1),
      readCurve(curve, 100),
      readCurve(curve, 400),
      readCurve(curve, 1e9),
    ]).toEqual([0.2, 0.2, 0.6, 0.6]);
  });

  test('a batch of more than 8192 rows has a price of its own', () => {
    const cost = model({ gpu: findGpu('h200')! });
    const step = { ...decode(9000, 1), sampled: 8192 + 5, tokens: 9000 };
    const alone = seconds(model({ gpu: findGpu('h200')! }), step);
    // Nine thousand and one rows of which 5 are sampled.
    cost.price({ ...decode(9001, 1), sampled: 5 });
    expect(seconds(cost, step)).toBe(alone);
  });
});

test('quantised checkpoints keep lm_head at 16 bits: its price is the same', () => {
  const head = (weights: CostOptions['weights']) =>
    priced(model({ weights }), decode(4, 500)).terms[term.lm_head];
  for (const weights of ['fp8', 'int8', 'int4'] as const) expect(head(weights)).toBe(head('fp16'));
});

test('attention that an engine has slower is slower with a profile of whole steps as well', () => {
  const kernels: MeasuredKernels = {
    source: 'a profile',
    attention: ({ chunk, decodes, kv }) => ({
      seconds: 1e-6 * (5 + chunk + (decodes * kv) / 100),
      tier: 'measured',
    }),
  };
  const mixed: StepShape = { ...decode(8, 500), prefills: [{ rows: 1, chunk: 64, past: 128 }], tokens: 72 };
  const { layers } = findModel('llama-2-7b')!;
  for (const runtime of [runtimes.vllm, runtimes['vllm-v0'], runtimes.transformers]) {
    const cost = model({ runtime: { ...runtime, deviceScale: 1 }, kernels });
    const { terms } = priced(cost, mixed);
    expect(terms[term.decode_attention]).toBeCloseTo(layers * 45e-6 * runtime.decodeAttention, 12);
    // What the prompts add to the kernel that serves both.
    expect(terms[term.prefill_attention]).toBeCloseTo(layers * 64e-6 * runtime.prefillAttention, 12);
    const prompt = priced(cost, prefill(64)).terms[term.prefill_attention];
    expect(prompt).toBeCloseTo(layers * 69e-6 * runtime.prefillAttention, 12);
  }
});
