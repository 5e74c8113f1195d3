import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { vllm } from '../../../src/core/policies/vllm.ts';
import { runtimes } from '../../../src/sim/cost/runtimes.ts';
import { setUpEngine } from '../../../src/sim/engine-setup.ts';
import { findGpu } from '../../../src/sim/hardware/catalogue.ts';
import type { KernelFolder } from '../../../src/sim/kernels/kernel-folder.ts';
import type { AttentionStep } from '../../../src/sim/kernels/kernel-tables.ts';
import { sameModel, sameName } from '../../../src/sim/kernels/names.ts';
import { openServingProfile } from '../../../src/sim/kernels/serving-profile.ts';
import { findModel } from '../../../src/sim/models/catalogue.ts';

const deployment = {
  model: findModel('llama-3.1-8b')!,
  gpu: findGpu('rtx-4090')!,
  tensorParallel: 1,
  weights: 'fp16',
  kv: 'fp16',
} as const;

/** Attention of 1 µs for each token of a prompt, 10 ns for each slot that decodes read, and 5 µs at all. */
const attentionOf = (chunk: number, past: number, n: number, kv: number) =>
  5 + chunk * (1 + past / 1000) + (n * kv) / 100;

const attentionRows = [0, 16, 64].flatMap(chunk =>
  (chunk === 0 ? [0] : [0, 128, 1024]).flatMap(past =>
    [0, 1, 4, 16].flatMap(n =>
      (n === 0 ? [0] : [16, 256, 4096])
        .filter(() => chunk + n > 0)
        .map(kv => `${chunk},${past},${n},${kv},${attentionOf(chunk, past, n, kv)}`),
    ),
  ),
);

const layers = [
  'embedding',
  'layernorm',
  'qkv_proj',
  'rotary_emb',
  'o_proj',
  'gate_up_proj',
  'act_fn',
  'down_proj',
  'final_layernorm',
];
const files: Record<string, string> = {
  dense: `layer,tokens,time_us\n${layers.flatMap(layer => [1, 8, 64].map(tokens => `${layer},${tokens},${10 + tokens}`)).join('\n')}\n`,
  per_sequence: 'layer,sequences,time_us\nlm_head,1,100\nlm_head,8,107\nsampler,1,20\nsampler,8,27\n',
  attention: `prefill_chunk,kv_prefill,n_decode,kv_decode,time_us\n${attentionRows.join('\n')}\n`,
};
const skew =
  'pc,n_label,skew_rate_label,kv_big_label,kp_label,alpha,n_samples\n' +
  '0,n<=4,sr<=40%,kvB<=1k,kp=0,0.5,3\n0,n<=4,sr>70%,kvB<=1k,kp=0,0.25,3\n16,n<=4,sr<=40%,kvB<=1k,kp<=1k,1,1\n';

function folderOf(
  tables: Record<string, string>,
  name = (table: string) =>
    `runs/profile_RTX4090_meta-llama_Llama-3.1-8B_bf16_${table === 'meta' ? 'meta.yaml' : `tp1_${table}.csv.gz`}`,
): KernelFolder {
  const paths = new Map(Object.entries(tables).map(([table, text]) => [name(table), text]));
  return {
    name: 'kernels',
    list: async () => [...paths.keys()].sort(),
    text: async path => paths.get(path)!,
    bytes: async path => new TextEncoder().encode(paths.get(path)!),
  };
}

const open = async (tables = files) => (await openServingProfile(folderOf(tables), deployment))!;
const step = (change: Partial<AttentionStep>): AttentionStep => {
  const kv = change.kv ?? 0;
  return { chunk: 0, key: 0, decodes: 0, kv, shortest: kv, longest: kv, ...change };
};

describe('a profile of layers', () => {
  test('rows of the tables verbatim, lines between them, the last two on beyond them, a floor below', async () => {
    const profile = await open();
    expect(profile.layer('qkv_proj', 8)).toEqual({ seconds: 18e-6, tier: 'measured' });
    expect(profile.layer('qkv_proj', 36)!.seconds).toBeCloseTo(46e-6, 12);
    expect(profile.layer('qkv_proj', 36)!.tier).toBe('interpolated');
    expect(profile.layer('qkv_proj', 128)!.seconds).toBeCloseTo(138e-6, 12);
    expect(profile.layer('qkv_proj', 128)!.tier).toBe('extrapolated');
    expect(profile.layer('lm_head', 4.5)!.seconds).toBeCloseTo(103.5e-6, 12);
    expect(profile.layer('qk_norm', 8)).toBeUndefined();
    expect(profile.layer('moe', 8, 2)).toBeUndefined();
  });

  test('attention is read on four axes: exact on the grid, between its points where it is linear', async () => {
    const profile = await open();
    expect(profile.attention(step({ decodes: 4, kv: 256 }))).toEqual({
      seconds: expect.closeTo(attentionOf(0, 0, 4, 256) * 1e-6, 12),
      tier: 'measured',
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 16, max: 64 }),
        fc.integer({ min: 0, max: 1024 }),
        fc.integer({ min: 1, max: 16 }),
        fc.integer({ min: 16, max: 9000 }),
        (chunk, past, decodes, kv) => {
          const found = profile.attention(step({ chunk, key: past + chunk / 2, decodes, kv }))!;
          // Bilinear in (decodes, kv); in (chunk, past) the product bends a little between the grid's corners.
          const exact = attentionOf(chunk, past, decodes, kv) * 1e-6;
          expect(Math.abs(found.seconds / exact - 1)).toBeLessThan(0.02);
        },
      ),
    );
  });

  test('several short prompts see fewer keys than one long one: that share of its arithmetic', async () => {
    const profile = await open();
    const one = profile.attention(step({ chunk: 64, key: 32 }))!;
    const four = profile.attention(step({ chunk: 64, key: 8 }))!;
    expect(four.seconds).toBeCloseTo(one.seconds / 4, 12);
    expect(four.tier).toBe('extrapolated');
    const beside = step({ decodes: 4, kv: 256 });
    const both = profile.attention({ ...beside, chunk: 64, key: 8 })!;
    expect(both.seconds).toBeGreaterThan(profile.attention(beside)!.seconds);
  });

  test('unequal decodes: between as many of the mean and of the longest, by the fit; not where it is disabled', async () => {
    const skewed = await open({ ...files, skew_fit: skew });
    expect(skewed.needsSpread).toBe(true);
    const unequal = step({ decodes: 4, kv: 256, shortest: 100, longest: 620 });
    const [mean, most] = [256, 620].map(kv => attentionOf(0, 0, 4, kv) * 1e-6) as [number, number];
    // (256 − 100) / (620 − 100) = 30 %: the cell of 40 %.
    expect(skewed.attention(unequal)!.seconds).toBeCloseTo(mean + 0.5 * (most - mean), 12);
    // More decodes than any label names: the last one.
    const [mean10, most10] = [256, 620].map(kv => attentionOf(0, 0, 10, kv) * 1e-6) as [number, number];
    expect(skewed.attention({ ...unequal, decodes: 10 })!.seconds).toBeCloseTo(
      mean10 + 0.5 * (most10 - mean10),
      12,
    );
    // With a prompt, and the mean near the longest: no such cell, so the mean of those with prompts, 1.
    const mixed = { ...unequal, chunk: 16, key: 8, kv: 600 };
    expect(skewed.attention(mixed)!.seconds).toBeCloseTo(attentionOf(16, 0, 4, 620) * 1e-6, 12);
    expect(skewed.attention(step({ decodes: 4, kv: 256 }))!.seconds).toBeCloseTo(mean, 12);

    const meta = 'model: x\nskew_profile:\n  enabled: false\nskew_fit:\n  enabled: false\n';
    const plain = await open({ ...files, skew_fit: skew, meta });
    expect(plain.needsSpread).toBe(false);
    expect(plain.attention(unequal)!.seconds).toBeCloseTo(mean, 12);
    expect(
      (await open({ ...files, skew_fit: skew, meta: meta.replaceAll('false', 'true') })).needsSpread,
    ).toBe(true);
  });

  test('newer tables name the key length; the profiler’s own folders', async () => {
    const keyed = attentionRows.map(row => {
      const [chunk, past, ...rest] = row.split(',').map(Number) as [number, number, ...number[]];
      return [chunk, chunk === 0 ? 0 : past + chunk / 2, ...rest].join();
    });
    const tables = {
      ...files,
      attention: `prefill_chunk,prefill_key,n_decode,kv_decode,time_us\n${keyed.join('\n')}\n`,
    };
    const nested = folderOf(tables, table => `perf/RTX4090/meta-llama/Llama-3.1-8B/bf16/tp1/${table}.csv`);
    const profile = (await openServingProfile(nested, deployment))!;
    const at = step({ chunk: 64, key: 160, decodes: 4, kv: 256 });
    expect(profile.attention(at)).toEqual((await open()).attention(at));
    expect(await openServingProfile(nested, { ...deployment, tensorParallel: 2 })).toBeUndefined();
    expect(await openServingProfile(nested, { ...deployment, kv: 'fp8' })).toBeUndefined();
    expect(await openServingProfile(nested, { ...deployment, gpu: findGpu('h100')! })).toBeUndefined();
  });

  test('a whole MoE block by rows and experts', async () => {
    const moe = 'tokens,activated_experts,time_us\n1,8,40\n1,16,60\n4,8,44\n4,16,64\n';
    const profile = await open({ ...files, moe });
    expect(profile.layer('moe', 1, 8)!.seconds).toBeCloseTo(40e-6, 12);
    expect(profile.layer('moe', 1, 8)!.tier).toBe('measured');
    expect(profile.layer('moe', 2.5, 12)!.seconds).toBeCloseTo(52e-6, 12);
    const shared = `${moe.replaceAll(/^(?=\d)/gm, '1,').replace('tokens', 'ep,tokens')}2,1,8,20\n`;
    expect((await open({ ...files, moe: shared })).layer('moe', 1, 8)!.seconds).toBeCloseTo(40e-6, 12);
  });

  test.each([
    [
      { ...files, dense: 'layer,rows,time_us\nqkv_proj,1,1\n' },
      /dense.*no column tokens; expected layer,tokens,time_us/,
    ],
    [{ ...files, dense: 'layer,tokens,time_us\n' }, /dense.*no rows/],
    [
      { ...files, dense: 'layer,tokens,time_us\nqkv_proj,1,fast\n' },
      /dense.*, row 2, time_us: expected a number.*"fast"/,
    ],
    [{ dense: files['dense']! }, /has no attention table/],
  ] as const)('what is no profile is refused %#', async (tables, message) => {
    await expect(open(tables as unknown as typeof files)).rejects.toThrow(message);
  });
});

test('prices with a profile: every layer from it, and the shares of the time add up', async () => {
  const kernels = await open();
  const { cost } = setUpEngine({
    ...deployment,
    policy: vllm,
    gpuMemoryUtilization: 0.9,
    kernels: () => kernels,
  });
  const price = cost.price({
    tokens: 20,
    sampled: 5,
    sequences: 5,
    decodes: 4,
    decodeKv: 1024,
    shortestKv: 256,
    longestKv: 256,
    prefills: [{ rows: 1, chunk: 16, past: 128 }],
    copiedTokens: 0,
    swappedTokens: 0,
    swappedBlocks: 0,
  });
  const dense = (rows: number) => 10 + rows;
  // Replayed from the graph of 24 rows: 32 layers of two norms and six others, embedding, final norm.
  const linear = (32 * 8 + 2) * dense(24);
  const head = 104 + 24;
  const attention = 32 * attentionOf(16, 128, 4, 256);
  const gap = runtimes.vllm.residualPerStep! * 1e6;
  expect(price.seconds * 1e6).toBeCloseTo(linear + head + attention + gap, 6);
  const tabled = price.tabled.reduce((sum, seconds) => sum + seconds, 0);
  expect(tabled).toBeCloseTo(price.seconds - runtimes.vllm.residualPerStep!, 12);
  expect(price.compute + price.bandwidth + price.overhead).toBeCloseTo(price.seconds, 12);
});

test('names of GPUs and models as people write them', () => {
  expect(sameName('rtx-4090', 'RTX4090')).toBe(true);
  expect(sameName('a100-80g', 'A100')).toBe(true);
  expect(sameName('h100', 'H200')).toBe(false);
  expect(sameModel('meta-llama/Llama-3.1-8B', 'meta-llama_Llama-3.1-8B')).toBe(true);
  expect(sameModel('meta-llama/Llama-3.1-8B', 'nvidia/Llama-3.1-8B-Instruct-FP8')).toBe(true);
  expect(sameModel('meta-llama/Llama-3.1-8B', 'RedHatAI/Meta-Llama-3.1-8B-FP8-dynamic')).toBe(true);
  expect(sameModel('mistralai/Mixtral-8x7B-v0.1', 'Mixtral-8x7B')).toBe(true);
  expect(sameModel('Qwen/Qwen3-30B-A3B', 'Qwen/Qwen3-30B-A3B-Instruct-2507')).toBe(true);
  expect(sameModel('meta-llama/Llama-3.1-8B', 'meta-llama/Llama-3.1-70B')).toBe(false);
});
