import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../../src/core/errors.ts';
import { vllm } from '../../../src/core/policies/vllm.ts';
import { runtimes } from '../../../src/sim/cost/runtimes.ts';
import { setUpEngine } from '../../../src/sim/engine-setup.ts';
import { findGpu } from '../../../src/sim/hardware/catalogue.ts';
import { openServingProfile } from '../../../src/sim/kernels/serving-profile.ts';
import { attentionOf, attentionRows, deployment, files, open, profileFolder, step } from './profile.ts';

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

  test('newer tables name the key length; the profiler’s own folders', async () => {
    const keyed = attentionRows.map(row => {
      const [chunk, past, ...rest] = row.split(',').map(Number) as [number, number, ...number[]];
      return [chunk, chunk === 0 ? 0 : past + chunk / 2, ...rest].join();
    });
    const tables = {
      ...files,
      attention: `prefill_chunk,prefill_key,n_decode,kv_decode,time_us\n${keyed.join('\n')}\n`,
    };
    const nested = profileFolder(
      tables,
      table => `perf/RTX4090/meta-llama/Llama-3.1-8B/bf16/tp1/${table}.csv`,
    );
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

  test('a MoE table of spread experts only is left out, and said so; the roofline prices the block', async () => {
    const spread = 'ep,tokens,activated_experts,time_us\n2,1,8,40\n2,4,8,44\n';
    const profile = await open({ ...files, moe: spread });
    expect(profile.layer('moe', 1, 8)).toBeUndefined();
    expect(profile.source).toMatch(/moe\.csv\.gz: no rows of ep 1/);
  });

  test('attention of several query tokens a decode, and of other kernels, is not mixed in', async () => {
    const rows = attentionRows.map(row => {
      const [chunk, key, n, kv, time] = row.split(',');
      return [chunk, Number(chunk) === 0 ? 0 : Number(key) + Number(chunk) / 2, n, kv, time];
    });
    const line = (layer: string, [chunk, key, n, kv, time]: readonly unknown[], q: number, factor: number) =>
      [layer, chunk, key, n, kv, q, Number(time) * factor].join();
    const text = [
      'layer,prefill_chunk,prefill_key,n_decode,kv_decode,decode_q_len,time_us',
      ...rows.map(row => line('attention', row, 1, 1)),
      ...rows.filter(([, , n]) => Number(n) > 0).map(row => line('attention', row, 4, 3)),
      ...rows.map(row => line('sparse_attention', row, 1, 0.2)),
    ].join('\n');
    const profile = await open({ ...files, attention: text });
    const at = step({ chunk: 64, key: 160, decodes: 4, kv: 256 });
    expect(profile.attention(at)).toEqual((await open()).attention(at));
    const other = open({ ...files, attention: text.replaceAll(/^attention,/gm, 'indexer,') });
    await expect(other).rejects.toThrow(UsageError);
    await expect(other).rejects.toThrow(/attention\.csv\.gz: no rows of layer attention/);
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
