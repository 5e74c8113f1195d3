import { expect, test } from 'vitest';
import { openDataFolder } from '../../src/cli/data-folder.ts';
import type { Case } from '../../src/validation/case.ts';
import { isCrossed } from '../../src/validation/case.ts';
import { kernelTables } from '../../src/validation/kernels/leave-one-out.ts';
import type { DataFolder } from '../../src/validation/study.ts';
import { folderOf } from '../sim/kernels/folder.ts';

const run = async (data: DataFolder) => (await kernelTables.run({ data })).cases;
const find = (cases: readonly Case[], ...words: string[]) =>
  cases.find(({ what }) => words.every(word => what.includes(word)))!;

const attention =
  'attn_dtype,kv_cache_dtype,num_heads,num_key_value_heads,head_dim,batch_size,isl,step,latency_ms\n';
const decode = (ms: (batch: number, kv: number) => number) =>
  attention +
  [1, 2, 4, 8, 16]
    .flatMap(batch =>
      [2, 4, 8, 16, 32, 64].map(kv => `bfloat16,bfloat16,8,8,128,${batch},1,${kv - 1},${ms(batch, kv)}`),
    )
    .join('\n');

test('a table that is linear is predicted without error', async () => {
  const cases = await run(
    folderOf({ 'kernels/l40s_vllm-1.0_generation_attention.csv': decode((b, kv) => 0.01 + b * kv * 1e-5) }),
  );
  for (const left of ['row left out', 'batch left out']) {
    expect(find(cases, 'decode attention', left, 'median').predicted).toBeCloseTo(0, 9);
  }
});

test('errors are those of the rows left out', async () => {
  // Along KV 1.1 is between two 1.0 (9.1 % too low), and 1.0 between two 1.1; along the batch nothing changes.
  const cases = await run(
    folderOf({
      'kernels/l40s_vllm-1.0_generation_attention.csv': decode((_, kv) =>
        Math.log2(kv) % 2 === 0 ? 1.1 : 1,
      ),
    }),
  );
  const median = find(cases, 'row left out', 'median');
  expect(median.predicted).toBeCloseTo((100 * (0.1 + 0.1 / 1.1)) / 2, 6);
  expect(median.bound).toBe(2);
  expect(isCrossed(median)).toBe(true);
  expect(median.note).toBe('20 of 20');
  expect(find(cases, 'row left out', '90th').predicted).toBeCloseTo(10, 6);
  expect(find(cases, 'row left out', '90th').bound).toBeUndefined();
  expect(find(cases, 'batch left out').predicted).toBeCloseTo(0, 9);
});

test('other files are left alone', async () => {
  expect(await run(folderOf({ 'README.md': 'kernels', 'kernels/l40s_nccl-2.27.3.csv': 'no table' }))).toEqual(
    [],
  );
});

test('the tables of vLLM on A100 and H100 hold their bounds', async () => {
  const data = openDataFolder(undefined);
  if (!data) throw new Error('set QUIRE_DATA to the folder of recorded measurements');
  const own = (path: string) => /(?:a100_sxm_vllm-0.14.0|h100_sxm_vllm-0.24.0)_/.test(path);
  const cases = await run({
    name: data.name,
    list: async () => (await data.list()).filter(own),
    text: path => data.text(path),
    bytes: path => data.bytes(path),
  });
  const bounded = cases.filter(({ bound }) => bound !== undefined);
  // Products in bf16 (and fp8, fp8_block on H100), prefill and decode attention; and the three together.
  expect(bounded.length).toBe(3 + 5 + 3);
  expect(bounded.filter(isCrossed)).toEqual([]);
  // Reading a table beats the roofline on every one.
  for (const { what, predicted } of bounded.filter(({ what }) => !what.startsWith('all tables'))) {
    const table = what.split(':')[0]!;
    expect(find(cases, `${table}:`, 'roofline instead').predicted, what).toBeGreaterThan(predicted);
  }
}, 60_000);
