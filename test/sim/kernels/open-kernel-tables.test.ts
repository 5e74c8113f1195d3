import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { UsageError } from '../../../src/core/errors.ts';
import { openKernelTables } from '../../../src/sim/kernels/open-kernel-tables.ts';
import { byVersion } from '../../../src/sim/kernels/table-files.ts';
import { folderOf } from './folder.ts';

const gemm = (ms: number) => `gemm_dtype,m,n,k,latency_ms\nbfloat16,8,64,64,${ms}\nbfloat16,16,64,64,${ms}\n`;
const decode =
  'attn_dtype,kv_cache_dtype,num_heads,num_key_value_heads,head_dim,batch_size,isl,step,latency_ms\n' +
  'bfloat16,bfloat16,32,8,128,1,1,1023,0.02\nbfloat16,bfloat16,32,8,128,64,1,1023,0.2\n';
const allReduce =
  'allreduce_dtype,num_gpus,message_size,backend,kernel_source,latency_ms\n' +
  'bfloat16,2,1024,vllm_graph,a,0.004\nbfloat16,2,2048,vllm_graph,a,0.006\nbfloat16,2,1024,vllm_eager,a,0.02\n';
const nccl =
  'op,dtype,num_gpus,message_size,latency_ms\nall_gather,half,4,1024,1\nall_reduce,half,4,1024,0.01\n';

const folder = folderOf({
  'h100_sxm_vllm-0.9.1_gemm.csv.gz': gemm(9),
  'h100_sxm_vllm-0.24.0_gemm.csv.gz': gemm(24),
  'h100_sxm_trtllm-1.3.0rc20_gemm.csv.gz': gemm(13),
  'h100_sxm_vllm-0.24.0_allreduce.csv.gz': allReduce,
  'h100_sxm_nccl-2.23.csv.gz': nccl,
  'a100_sxm_vllm-0.14.0_gemm.csv.gz': gemm(14),
  'a100_sxm_vllm-0.14.0_generation_attention.csv.gz': decode,
  'a100_sxm_nccl-2.27.3.csv.gz': nccl,
  'l40s_nccl-2.27.3.csv.gz': nccl,
  'README.md': 'no table',
});

test('takes the wanted engine, else another, and the newest version', async () => {
  const ms = async (want: Parameters<typeof openKernelTables>[1]) =>
    (await openKernelTables(folder, want)).gemm(8, 64, 64, 'bfloat16')!.seconds * 1e3;
  expect(await ms({ gpu: 'h100', framework: 'vllm' })).toBeCloseTo(24, 9);
  expect(await ms({ gpu: 'h100', framework: 'trtllm' })).toBeCloseTo(13, 9);
  expect(await ms({ gpu: 'h100', framework: 'sglang' })).toBeCloseTo(24, 9);
  const { source } = await openKernelTables(folder, { gpu: 'h100', framework: 'trtllm' });
  expect(source).toContain('h100_sxm trtllm 1.3.0rc20 (gemm)');
  expect(source).toContain('h100_sxm vllm 0.24.0 (allreduce)');
});

test('answers undefined for what the tables do not cover', async () => {
  const tables = await openKernelTables(folder, { gpu: 'h100', framework: 'vllm' });
  expect(tables.gemm(8, 64, 64, 'fp8')).toBeUndefined();
  const shape = { heads: 32, kvHeads: 8, headDim: 128, kv: 'fp16', window: 0 } as const;
  expect(tables.decodeAttention(1, 1024, shape)).toBeUndefined();
  expect(tables.prefillAttention(1, 1024, 0, shape)).toBeUndefined();
  expect(tables.allReduce(4096, 8, true)).toBeUndefined();
});

test('all-reduce: message sizes are elements of two bytes, graph and eager apart, NCCL for the rest', async () => {
  const tables = await openKernelTables(folder, { gpu: 'h100', framework: 'vllm' });
  expect(tables.allReduce(2048, 2, true)).toEqual({ seconds: 0.004e-3, tier: 'measured' });
  expect(tables.allReduce(3072, 2, true)!.seconds).toBeCloseTo(0.005e-3, 12);
  expect(tables.allReduce(2048, 2, false)!.seconds).toBeCloseTo(0.02e-3, 12);
  expect(tables.allReduce(8192, 2, true)).toEqual({ seconds: 0.012e-3, tier: 'extrapolated' });
  expect(tables.allReduce(2048, 4, true)!.seconds).toBeCloseTo(0.01e-3, 12);
  expect(tables.allReduce(2048, 4, false)).toBeUndefined();
});

test('the A100 of 40 GB pays for its slower memory', async () => {
  const want = { framework: 'vllm' } as const;
  const large = await openKernelTables(folder, { ...want, gpu: 'a100-80g' });
  const small = await openKernelTables(folder, { ...want, gpu: 'a100-40g' });
  const shape = { heads: 32, kvHeads: 8, headDim: 128, kv: 'fp16', window: 0 } as const;
  const [at80, at40] = [large, small].map(tables => tables.decodeAttention(64, 1024, shape)!);
  expect(at80).toEqual({ seconds: 0.2e-3, tier: 'measured' });
  const bytes = 64 * 1024 * 8 * 128 * 2 * 2;
  expect(at40!.seconds - at80!.seconds).toBeCloseTo((bytes / 1.555e12 - bytes / 2.039e12) / 0.69, 8);
  expect(at40!.tier).toBe('extrapolated');
  expect(small.gemm(8, 64, 64, 'bfloat16')!.seconds).toBeGreaterThan(0.014);
});

test.each([
  [{ gpu: 'b200', framework: 'vllm' }, 'kernels: no kernel tables of b200; it has a100-40g, a100-80g, h100'],
  [{ gpu: 't4', framework: 'vllm' }, 'no kernel tables of t4'],
  [{ gpu: 'l40s', framework: 'vllm' }, 'no kernel tables of l40s'],
] as const)('says what the folder has instead: %j', async (want, message) => {
  const opened = openKernelTables(folder, want);
  await expect(opened).rejects.toThrow(UsageError);
  await expect(opened).rejects.toThrow(message);
});

test('a damaged table is named when it is first read', async () => {
  const broken = folderOf({
    'h100_sxm_vllm-0.24.0_gemm.csv': 'gemm_dtype,m,n,k,latency_ms\nbfloat16,8,64,x,1\n',
  });
  const tables = await openKernelTables(broken, { gpu: 'h100', framework: 'vllm' });
  expect(() => tables.gemm(8, 64, 64, 'bfloat16')).toThrow('h100_sxm_vllm-0.24.0_gemm.csv, line 2, column k');
});

test('reads the parquet files that AIConfigurator publishes', async () => {
  const path = 'h100_sxm/gemm/vllm/9.1.0/gemm_perf.parquet';
  const bytes = readFileSync(join(import.meta.dirname, 'parquet', path));
  const published = folderOf({ [`systems/data/${path}`]: bytes });
  const tables = await openKernelTables(published, { gpu: 'h100', framework: 'vllm' });
  // Written with 0.004 + m·n·k·1e-12 ms, half of it for fp8, in two row groups.
  const ms = (m: number, n: number, k: number) => 0.004 + m * n * k * 1e-12;
  expect(tables.gemm(128, 4096, 4096, 'bfloat16')).toEqual({
    seconds: ms(128, 4096, 4096) * 1e-3,
    tier: 'measured',
  });
  expect(tables.gemm(1024, 1024, 2048, 'fp8')!.seconds).toBeCloseTo((ms(1024, 1024, 2048) / 2) * 1e-3, 12);
  expect(tables.source).toBe('AIConfigurator kernel tables h100_sxm vllm 9.1.0 (gemm)');
  const cut = folderOf({ [path]: bytes.subarray(0, 500) });
  await expect(openKernelTables(cut, { gpu: 'h100', framework: 'vllm' })).rejects.toThrow(UsageError);
});

test('versions are ordered as releases are', () => {
  const versions = ['1.3.0rc20', '0.24.0', '1.3.0', '0.9.1', '1.3.0rc3', '0.5.6.post2', '0.5.6', '1.2'];
  expect(versions.sort(byVersion)).toEqual([
    '0.5.6',
    '0.5.6.post2',
    '0.9.1',
    '0.24.0',
    '1.2',
    '1.3.0rc3',
    '1.3.0rc20',
    '1.3.0',
  ]);
});
