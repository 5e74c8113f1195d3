import { expect, test } from 'vitest';
import { openDataFolder } from '../../src/cli/data-folder.ts';
import { errorOf, isCrossed } from '../../src/validation/case.ts';
import { parseRequests, recordedRuns } from '../../src/validation/runs/recorded-run.ts';
import { vllmRuns } from '../../src/validation/runs/vllm-runs.ts';
import type { DataFolder } from '../../src/validation/study.ts';

function recorded(): DataFolder {
  const data = openDataFolder(undefined);
  if (!data) throw new Error('set QUIRE_DATA to the folder of recorded measurements');
  return data;
}

function folderOf(files: Record<string, unknown>): DataFolder {
  const text = async (path: string) => {
    const found = files[path];
    return typeof found === 'string' ? found : JSON.stringify(found);
  };
  return {
    name: 'data',
    list: async () => Object.keys(files).sort(),
    text,
    bytes: async path => new TextEncoder().encode(await text(path)),
  };
}

test('the recorded run, request by request: every figure within its bound', async () => {
  const { cases, notes } = await vllmRuns.run({ data: recorded() });
  // TTFT, TPOT and latency; mean, p50 and p99; with measured kernels and by roofline.
  expect(cases.length % 18).toBe(0);
  expect(cases.length).toBeGreaterThan(0);
  expect(cases.filter(isCrossed)).toEqual([]);
  const tabled = cases.filter(({ what }) => what.includes('measured kernels'));
  expect(tabled.length).toBe(cases.length / 2);
  for (const figure of tabled) expect(Math.abs(errorOf(figure)), figure.what).toBeLessThan(0.05);
  expect(notes.join('\n')).toMatch(/of the time with measured kernels \d+\.\d % was measured/);
}, 60_000);

test('what was sent: lengths and times of the record, and what prompts share from the workload', async () => {
  const { runs, skipped } = await recordedRuns(recorded());
  expect(skipped).toEqual([]);
  const run = runs.find(({ name }) => name === 'RTX4090_Llama-3.1-8B_vllm')!;
  expect(run).toMatchObject({ version: '0.19.0', numGpuBlocks: 2588, blockSize: 16 });
  expect(run.gpu.name).toBe('rtx-4090');
  expect(run.config).toMatchObject({
    model: 'llama-3.1-8b',
    max_num_seqs: 256,
    max_num_batched_tokens: 2048,
  });
  expect(run.arrivals.length).toBe(300);
  expect(run.arrivals[1]).toMatchObject({ arrival: 0.265091, promptTokens: 1034, outputTokens: [769] });
  expect(run.arrivals.every(({ tokens }) => tokens !== undefined)).toBe(true);
});

const meta = {
  dataset_path: 'none.jsonl',
  model: 'meta-llama/Llama-3.1-8B',
  vllm_version: '0.19.0',
  engine_kwargs: {},
  kv_cache: { num_gpu_blocks: 100, block_size: 16, gpu_memory_utilization: 0.9, enable_prefix_caching: true },
  hardware: { device_name: 'NVIDIA GeForce RTX 4090' },
};
const header =
  'request_id,input_toks,output_toks,arrival_s,queued_s,scheduled_s,first_token_s,last_token_s\n';
const requests = `${header}a,10,5,0,0,0,0.1,0.5\n`;

test('runs of other GPUs and models are left out by name; a lone description is none', async () => {
  const files = {
    'RTX4090_x_vllm_meta.json': meta,
    'RTX4090_x_vllm_requests.csv': requests,
    'TPU_x_vllm_meta.json': { ...meta, hardware: { device_name: 'TPU v9' } },
    'TPU_x_vllm_requests.csv': requests,
    'RTX4090_y_vllm_meta.json': { ...meta, model: 'acme/Other-7B' },
    'RTX4090_y_vllm_requests.csv': requests,
    'RTX4090_z_vllm_meta.json': meta,
  };
  const { runs, skipped } = await recordedRuns(folderOf(files));
  expect(runs.map(({ name }) => name)).toEqual(['RTX4090_x_vllm']);
  expect(runs[0]!.arrivals).toEqual([{ arrival: 0, promptTokens: 10, outputTokens: [5] }]);
  expect(skipped).toEqual([
    'RTX4090_y_vllm_meta.json: model acme/Other-7B is not known',
    'TPU_x_vllm_meta.json: GPU TPU v9 is not known',
  ]);
});

test('a run without measured kernels is held against the roofline only, and that is said', async () => {
  const { cases, notes } = await vllmRuns.run({
    data: folderOf({ 'RTX4090_x_vllm_meta.json': meta, 'RTX4090_x_vllm_requests.csv': requests }),
  });
  expect(cases.length).toBe(9);
  expect(cases.every(({ what }) => what.endsWith('roofline'))).toBe(true);
  expect(notes).toEqual([
    expect.stringMatching(/^RTX4090_x_vllm: by roofline only, data: no kernel tables of rtx-4090/),
  ]);
});

test.each([
  [{ ...meta, kv_cache: {} }, requests, /RTX4090_x_vllm_meta.json: kv_cache.num_gpu_blocks/],
  ['{', requests, /RTX4090_x_vllm_meta.json: not JSON/],
  [meta, 'request_id,input_toks\n', /RTX4090_x_vllm_requests.csv: no column output_toks, arrival_s/],
  [
    meta,
    `${header}a,10,5,0,0,0,,0.5\n`,
    /requests.csv, line 2, first_token_s: expected a number of at least 0, found ""/,
  ],
] as const)('what is no record is refused %#', async (described, rows, message) => {
  const files = { 'RTX4090_x_vllm_meta.json': described, 'RTX4090_x_vllm_requests.csv': rows };
  await expect(recordedRuns(folderOf(files))).rejects.toThrow(message);
});

test('a byte-order mark and columns in another order', () => {
  const text = '\uFEFFlast_token_s,first_token_s,arrival_s,output_toks,input_toks\n3,2,1,5,10\n';
  expect(parseRequests(text, 'x')).toEqual([
    { inputTokens: 10, outputTokens: 5, arrival: 1, firstToken: 2, lastToken: 3 },
  ]);
});
