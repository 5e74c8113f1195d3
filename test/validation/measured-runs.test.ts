import { expect, test } from 'vitest';
import { vllm } from '../../src/core/policies/vllm.ts';
import { findModel } from '../../src/sim/models/catalogue.ts';
import { fixedLengths } from '../../src/sim/workload/lengths.ts';
import { syntheticWorkload } from '../../src/sim/workload/synthetic.ts';
import { MeasuredRuns } from '../../src/validation/vendor/measured.ts';
import { benchmarkFolder, h100Kernels } from './benchmark-folder.ts';

const layers = ['layernorm', 'qkv_proj', 'rotary_emb', 'o_proj', 'gate_up_proj', 'act_fn', 'down_proj'];
const dense = layers.flatMap(layer => [1, 8, 64].map(tokens => `${layer},${tokens},${1000 + tokens}`));
const attention = [
  ...[0, 64].flatMap(past => [16, 64].map(chunk => `${chunk},${past},0,0,50`)),
  ...[1, 4].flatMap(decodes => [16, 256].map(kv => `0,0,${decodes},${kv},20`)),
];
/** Layers of one model, a hundred times as slow as they are. */
const profile = Object.fromEntries(
  Object.entries({
    dense: ['layer,tokens,time_us', ...dense],
    per_sequence: [
      'layer,sequences,time_us',
      'lm_head,1,100',
      'lm_head,8,107',
      'sampler,1,20',
      'sampler,8,27',
    ],
    attention: ['prefill_chunk,kv_prefill,n_decode,kv_decode,time_us', ...attention],
  }).map(([table, rows]) => [
    `runs/profile_H100_meta-llama_Llama-3.1-8B_bf16_tp1_${table}.csv.gz`,
    `${rows.join('\n')}\n`,
  ]),
);

const run = (runs: MeasuredRuns, name: string, config: object = {}, length = 64) =>
  runs.run({
    config: { model: name, gpu: 'h100', max_tokens: 'exact', ...config },
    model: findModel(name)!,
    policy: vllm,
    workload: syntheticWorkload({
      name: 'two requests',
      count: 2,
      seed: 0,
      arrivals: { kind: 'all-at-once' },
      lengths: fixedLengths(length, 8),
      content: false,
    }),
  });

test('kernels of one deployment price no other: neither model, weights, KV nor GPUs', async () => {
  const folder = benchmarkFolder([], { ...profile, ...h100Kernels });
  const together = new MeasuredRuns(folder);
  const runs = [
    ['llama-3.1-8b'],
    ['mistral-7b'],
    ['llama-3.1-8b', { weights: 'fp8' }],
    ['llama-3.1-8b', { tensor_parallel: 2 }],
    ['llama-3.1-8b', { kv_cache_dtype: 'fp8' }],
  ] as const;
  const tpots: number[] = [];
  for (const [name, config] of runs) {
    const alone = await run(new MeasuredRuns(folder), name, config);
    const after = await run(together, name, config);
    expect(after.mean_tpot_ms, JSON.stringify([name, config])).toBe(alone.mean_tpot_ms);
    tpots.push(after.mean_tpot_ms);
  }
  // The profile is that of the first alone.
  expect(tpots[0]! / tpots[1]!).toBeGreaterThan(10);
});

test('what rejects requests or cuts answers has no figures', async () => {
  const runs = new MeasuredRuns(benchmarkFolder([]));
  await expect(run(runs, 'llama-3.1-8b', { max_model_len: 32 })).rejects.toThrow(
    'does not fit: vllm with llama-3.1-8b on 1 × h100 rejects requests',
  );
  await expect(run(runs, 'llama-3.1-8b', { max_model_len: 68 })).rejects.toThrow(/cuts answers short/);
  await expect(run(runs, 'llama-3.1-70b')).rejects.toThrow(/does not fit/);
});
