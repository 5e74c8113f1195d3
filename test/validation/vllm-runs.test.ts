import { expect, test } from 'vitest';
import { openDataFolder } from '../../src/cli/data-folder.ts';
import { openTrace } from '../../src/sim/workload/trace/detect.ts';
import type { Arrival } from '../../src/sim/workload/workload.ts';
import { errorOf, isCrossed } from '../../src/validation/case.ts';
import { AbsentData } from '../../src/validation/run-studies.ts';
import { parseRequests, recordedRuns } from '../../src/validation/runs/recorded-run.ts';
import { deploymentText } from '../../src/validation/runs/run-description.ts';
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
  expect(run.description).toMatchObject({
    version: '0.19.0',
    cache: { blocks: 2588, blockSize: 16, wasSet: false },
    deployment: { gpu: { name: 'rtx-4090' }, tensorParallel: 1, weights: 'fp16', kv: 'fp16' },
  });
  expect(run.config).toMatchObject({
    model: 'llama-3.1-8b',
    max_num_seqs: 256,
    max_num_batched_tokens: 2048,
    num_gpu_blocks_override: 2588,
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
    'left out: RTX4090_y_vllm_meta.json: model acme/Other-7B is not known',
    'left out: TPU_x_vllm_meta.json: GPU TPU v9 is not known',
  ]);
});

test('the layout of the tool that records: a folder of one run, named by it', async () => {
  const files = { 'bench/first/vllm/meta.json': meta, 'bench/first/vllm/requests.csv': requests };
  const { runs, skipped } = await recordedRuns(folderOf(files));
  expect(skipped).toEqual([]);
  expect(runs.map(({ name }) => name)).toEqual(['first/vllm']);
});

test('flags that were not written down: nulls, no cache, no hardware', async () => {
  const files = {
    'L4_x_vllm_meta.json': {
      model: meta.model,
      vllm_version: '0.19.0',
      engine_kwargs: { max_model_len: null, max_num_seqs: null, kv_cache_dtype: null },
      kv_cache: null,
    },
    'L4_x_vllm_requests.csv': requests,
  };
  const { runs, skipped } = await recordedRuns(folderOf(files));
  expect(skipped).toEqual([]);
  expect(runs[0]!.config).toEqual({
    policy: ['vllm'],
    model: 'llama-3.1-8b',
    gpu: 'l4',
    tensor_parallel: 1,
    weights: 'fp16',
    kv_cache_dtype: 'fp16',
    gpu_memory_utilization: 0.9,
    prefix_caching: 'on',
    max_tokens: 'exact',
  });
  const { cases, notes } = await vllmRuns.run({ data: folderOf(files) });
  expect(cases.length).toBe(9);
  expect(notes).toContain('L4_x_vllm: KV blocks by formula, the run does not say them');
});

test.each([
  ['quantization', 'fp8', { weights: 'fp8' }],
  ['kv_cache_dtype', 'fp8_e4m3', { kv_cache_dtype: 'fp8' }],
  ['tensor_parallel_size', 2, { tensor_parallel: 2 }],
] as const)('%s %s is simulated, and named with the case', async (flag, value, expected) => {
  const { runs } = await recordedRuns(
    folderOf({
      'RTX4090_x_vllm_meta.json': { ...meta, engine_kwargs: { [flag]: value } },
      'RTX4090_x_vllm_requests.csv': requests,
    }),
  );
  expect(runs[0]!.config).toMatchObject(expected);
  expect(deploymentText(runs[0]!.description.deployment)).not.toBe('llama-3.1-8b on rtx-4090');
});

test.each([
  [{ pipeline_parallel_size: 2 }, 'pipeline parallelism is not modelled'],
  [{ data_parallel_size: 2 }, 'data parallelism is not modelled'],
  [{ enable_expert_parallel: true }, 'expert parallelism is not modelled'],
  [{ quantization: 'awq' }, 'quantisation awq is not modelled'],
])('what is not modelled is left out: %j', async (engine_kwargs, why) => {
  const files = {
    'RTX4090_x_vllm_meta.json': { ...meta, engine_kwargs },
    'RTX4090_x_vllm_requests.csv': requests,
  };
  const { runs, skipped } = await recordedRuns(folderOf(files));
  expect(runs).toEqual([]);
  expect(skipped).toEqual([`left out: RTX4090_x_vllm_meta.json: ${why}`]);
});

test.each([
  [8, /requests rejected/],
  [12, /cut short|truncated/],
])('a run that a context of %i cannot serve is no figure', async (max_model_len, why) => {
  const files = {
    'RTX4090_x_vllm_meta.json': { ...meta, engine_kwargs: { max_model_len } },
    'RTX4090_x_vllm_requests.csv': requests,
  };
  const { cases, notes } = await vllmRuns.run({ data: folderOf(files) });
  expect(cases).toEqual([]);
  expect(notes).toEqual([expect.stringMatching(/^left out: RTX4090_x_vllm: not all of it was served/)]);
  expect(notes[0]).toMatch(why);
});

test('prompts are found in the workload by the number of the request, in any order of rows', async () => {
  const line = (i: number) =>
    JSON.stringify({ arrival_ns: i * 1e9, input_toks: 16, output_toks: 2, input_tok_ids: Array(16).fill(i) });
  const text = [0, 1, 2].map(line).join('\n');
  async function* lines() {
    yield new TextEncoder().encode(text);
  }
  const row = (i: number) => `bench-${i},16,2,${i},${i},${i},${i}.1,${i}.5\n`;
  const { runs } = await recordedRuns(
    folderOf({
      'RTX4090_x_vllm_meta.json': { ...meta, dataset_path: 'w/sent.jsonl' },
      'RTX4090_x_vllm_requests.csv': header + row(2) + row(0) + row(1),
      'sent.jsonl': text,
    }),
  );
  const { arrivals } = runs[0]!;
  expect(arrivals.map(({ arrival }) => arrival)).toEqual([0, 1, 2]);
  expect(new Set(arrivals.map(({ tokens }) => tokens!.at(0))).size).toBe(3);
  const inOrder = await openTrace(lines(), { fileName: 'sent.jsonl', content: true });
  const sent: Arrival[] = [];
  for await (const chunk of inOrder.chunks()) sent.push(...chunk);
  expect(arrivals.map(({ tokens }) => tokens!.at(0))).toEqual(sent.map(({ tokens }) => tokens!.at(0)));
});

test('a run without measured kernels is held against the roofline only, and that is said', async () => {
  const { cases, notes } = await vllmRuns.run({
    data: folderOf({ 'RTX4090_x_vllm_meta.json': meta, 'RTX4090_x_vllm_requests.csv': requests }),
  });
  expect(cases.length).toBe(9);
  expect(cases.every(({ what }) => what.endsWith('roofline'))).toBe(true);
  // Its prefix cache may have found what ours cannot: a difference would not be Quire's.
  expect(cases.filter(({ bound }) => bound !== undefined)).toEqual([]);
  expect(notes).toEqual([
    expect.stringMatching(
      /^RTX4090_x_vllm: what 1 of 1 prompts share is not known, so no bound.*none\.jsonl\)$/,
    ),
    expect.stringMatching(/^RTX4090_x_vllm: by roofline only, data: no kernel tables of rtx-4090/),
  ]);
});

test('a run without a prefix cache keeps its bounds, whatever its prompts shared', async () => {
  const engine_kwargs = { enable_prefix_caching: false };
  const files = {
    'RTX4090_x_vllm_meta.json': { ...meta, engine_kwargs, kv_cache: { num_gpu_blocks: 100, block_size: 16 } },
    'RTX4090_x_vllm_requests.csv': requests,
  };
  const { cases } = await vllmRuns.run({ data: folderOf(files) });
  expect(cases.length).toBe(9);
  expect(cases.every(({ bound }) => bound !== undefined)).toBe(true);
});

test('a folder without a recorded run is said, with what was looked for', async () => {
  const attempt = vllmRuns.run({ data: folderOf({ 'README.md': '', 'RTX4090_x_vllm_meta.json': meta }) });
  await expect(attempt).rejects.toThrow(AbsentData);
  await expect(attempt).rejects.toThrow(/^data: no recorded run of vLLM; expected GPU_MODEL_vllm_meta\.json/);
});

test.each([
  [
    { ...meta, kv_cache: { num_gpu_blocks: 0 } },
    requests,
    /RTX4090_x_vllm_meta.json: kv_cache.num_gpu_blocks/,
  ],
  ['{', requests, /RTX4090_x_vllm_meta.json: not JSON/],
  [meta, 'request_id,input_toks\n', /RTX4090_x_vllm_requests.csv: no column output_toks, arrival_s/],
  [
    meta,
    `${header}a,10,5,0,0,0,,0.5\n`,
    /requests.csv, line 2, first_token_s: expected a number of at least 0, found ""/,
  ],
] as const)('what is no record is left out, with the reason %#', async (described, rows, message) => {
  const files = { 'RTX4090_x_vllm_meta.json': described, 'RTX4090_x_vllm_requests.csv': rows };
  const { runs, skipped } = await recordedRuns(folderOf(files));
  expect(runs).toEqual([]);
  expect(skipped).toEqual([expect.stringMatching(message)]);
});

test('a byte-order mark and columns in another order', () => {
  const text = '\uFEFFlast_token_s,first_token_s,arrival_s,output_toks,input_toks\n3,2,1,5,10\n';
  expect(parseRequests(text, 'x')).toEqual([
    { id: undefined, inputTokens: 10, outputTokens: 5, arrival: 1, firstToken: 2, lastToken: 3 },
  ]);
});
