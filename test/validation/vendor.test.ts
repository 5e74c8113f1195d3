import { describe, expect, test } from 'vitest';
import { openDataFolder } from '../../src/cli/data-folder.ts';
import { errorOf, isCrossed } from '../../src/validation/case.ts';
import { asKnown } from '../../src/validation/missed.ts';
import { AbsentData, runStudies } from '../../src/validation/run-studies.ts';
import type { DataFolder } from '../../src/validation/study.ts';
import { groundTruth } from '../../src/validation/vendor/ground-truth.ts';
import { onlineServing } from '../../src/validation/vendor/online.ts';
import { recipeOf } from '../../src/validation/vendor/recipes.ts';
import { silicon } from '../../src/validation/vendor/silicon.ts';
import { folderOf } from '../sim/kernels/folder.ts';
import { type BenchmarkRow, benchmarkFolder } from './benchmark-folder.ts';

const header =
  'source,engine,version,gpu,num_gpus,model,precision,isl,osl,concurrency_or_batch,metric,value,unit,repo_path';

const tableOf = (...rows: string[]): DataFolder =>
  folderOf({ 'ground_truth.csv': [header, ...rows].join('\n') });

function recorded(): DataFolder {
  const data = openDataFolder(undefined);
  if (!data) throw new Error('set QUIRE_DATA to the folder of recorded measurements');
  return data;
}

const every = () => true;

test('rows as sources write them: GPUs, models and precisions by many names', async () => {
  const row = (gpu: string, model: string, precision: string) =>
    `s,vllm,,${gpu},2,${model},${precision},1024,128,concurrency=8,mean_ttft,10,ms,x`;
  const { rows, leftOut } = await groundTruth(
    tableOf(
      row('h100_sxm', 'meta-llama/Llama-3.1-8B-Instruct', 'bf16?'),
      row('A100-SXM-80GB', 'LLaMA-2-7B', 'fp16'),
      row('a100-80gb', 'llama2-70b', 'fp16'),
      row('H200-SXM-141GB', 'Mixtral-8x7B', 'fp8'),
      row('rtx_pro_6000_server', 'Qwen/Qwen3-32B-FP8', ''),
      row('RTX4090-24GB', 'Llama-3.1-8B', 'bf16'),
      row('TPU', 'Llama-3.1-8B', 'bf16'),
      row('h100_sxm', 'bloom-176b', 'bf16'),
    ),
    every,
  );
  expect(rows.map(({ gpu, model, config }) => [gpu.name, model.name, config.weights])).toEqual([
    ['h100', 'llama-3.1-8b', 'fp16'],
    ['a100-80g', 'llama-2-7b', 'fp16'],
    ['a100-80g', 'llama-2-70b', 'fp16'],
    ['h200', 'mixtral-8x7b', 'fp8'],
    ['rtx-pro-6000', 'qwen3-32b', 'fp8'],
    ['rtx-4090', 'llama-3.1-8b', 'fp16'],
  ]);
  expect(rows[0]!.config.tensor_parallel).toBe(2);
  expect(leftOut.notes).toEqual([
    '1 row left out: GPU TPU is not known',
    '1 row left out: model bloom-176b is not known',
  ]);
});

test('a folder without the table, or with another one', async () => {
  const none = folderOf({ 'README.md': '' });
  await expect(groundTruth(none, every)).rejects.toThrow(
    /kernels: no ground_truth.csv; expected a table of published/,
  );
  await expect(groundTruth(none, every)).rejects.toThrow(AbsentData);
  const other = folderOf({ 'ground_truth.csv': 'a,b\n1,2\n' });
  await expect(groundTruth(other, every)).rejects.toThrow(/ground_truth.csv: no column source, engine/);
});

test('how rows were measured: InferenceMAX by its lengths, others as AIConfigurator collects', async () => {
  const row = async (isl: number, osl: number, load: string) =>
    (
      await groundTruth(
        tableOf(`s,vllm,,h100_sxm,1,Llama-3.1-8B,bf16,${isl},${osl},${load},mean_ttft,10,ms,x`),
        every,
      )
    ).rows[0]!;
  expect(recipeOf(await row(1024, 8192, 'concurrency=16'))).toMatchObject({
    concurrency: 16,
    ratio: 0.8,
    server: { max_num_seqs: 16, max_num_batched_tokens: 8192 },
  });
  expect(recipeOf(await row(2048, 256, 'concurrency=16'))).toMatchObject({
    ratio: 1,
    server: { max_num_seqs: 15, max_num_batched_tokens: 16 + 2048 + 1500 },
  });
  expect(recipeOf(await row(2048, 256, 'qps=2;500 reqs'))).toBeUndefined();
});

test('the silicon sample: mean errors within their bounds, with the worst rows named', async () => {
  const [outcome] = await runStudies([silicon], { data: recorded() });
  const { cases, notes, charts } = outcome!.result;
  expect(cases.filter(isCrossed)).toEqual([]);
  const of = (name: string) => cases.find(({ what }) => what.startsWith(`mean absolute error of ${name}`))!;
  expect(of('TPOT, all').bound).toBe(9);
  expect(of('TTFT, all').aim).toBe(18);
  expect(of('TTFT: vllm').predicted).toBeLessThan(18);
  expect(notes.filter(note => note.startsWith('among the worst')).length).toBe(5);
  expect(notes.filter(note => note.includes('left out'))).toEqual([]);
  expect(charts.map(({ title }) => title)).toEqual([
    'TTFT: predicted against measured',
    'TPOT: predicted against measured',
  ]);
}, 120_000);

const closedLoop = async (...rows: BenchmarkRow[]) => silicon.run({ data: benchmarkFolder(rows) });

test('a row that cannot be simulated is left out with its reason, and the others stay', async () => {
  const { cases, notes } = await closedLoop(
    {},
    { metric: 'mean_ttft', value: 30 },
    { metric: 'p99_ttft' },
    { gpus: 3 },
    { gpus: 3, metric: 'mean_ttft' },
    { gpu: 'l4' },
    { model: 'Llama-3.1-70B' },
    { isl: 131_000, osl: 200 },
    { load: 'batch=64' },
    { osl: 1 },
  );
  expect(cases.map(({ what }) => what).filter(what => what.includes('all'))).toEqual([
    'mean absolute error of TPOT, all (1 rows)',
    'mean absolute error of TTFT, all (1 rows)',
  ]);
  for (const { predicted } of cases) expect(predicted).toBeGreaterThan(0);
  const said = notes.filter(note => note.includes('left out')).sort();
  expect(said).toEqual([
    expect.stringMatching(/^1 row left out: does not fit: vllm with llama-3.1-8b on 1 × h100/),
    expect.stringMatching(/^1 row left out: kernels: no kernel tables of l4; it has h100/),
    expect.stringMatching(/^1 row left out: llama-3.1-70b does not fit on 1 × h100/),
    '1 row left out: load "batch=64" is no closed loop (concurrency=8)',
    '1 row left out: no TPOT comes of 64/1 tokens',
    '1 row left out: p99_ttft is not compared',
    expect.stringMatching(/^2 rows left out: --tensor-parallel 3 does not divide/),
  ]);
});

test('which rows stay below the front end’s rate is the simulation’s word, not the record’s', async () => {
  const below = async (value: number) => {
    const { cases } = await closedLoop({ value }, { metric: 'mean_ttft', value: 30 });
    return cases.some(({ what }) => what.startsWith('mean absolute error of TTFT, below'));
  };
  expect(await below(7)).toBe(true);
  // Two clients, 0.1 ms between tokens: 20,000 tokens/s.
  expect(await below(0.1)).toBe(true);
});

test('where no row is left, the study could not run; where there is none, or no kernels, data are absent', async () => {
  await expect(closedLoop({ engine: 'LMDeploy' })).rejects.toThrow(
    /^no row of the silicon sample can be simulated: 1 row left out: engine LMDeploy/,
  );
  await expect(closedLoop({ engine: 'LMDeploy' })).rejects.not.toThrow(AbsentData);
  await expect(closedLoop({ source: 'elsewhere' })).rejects.toThrow(AbsentData);
  await expect(closedLoop({ gpu: 'l4' })).rejects.toThrow(AbsentData);
});

test('TensorRT-LLM’s sweep: one knee, and a saturation for each pair of lengths', async () => {
  const { cases } = await onlineServing.run({ data: recorded() });
  const saturations = cases.filter(({ what }) => what.includes('saturation'));
  expect(saturations.length).toBe(3);
  for (const of of saturations) {
    expect(of.bound).toBe(0.1);
    expect(asKnown('online-serving', of).aim).toBe(0.1);
    expect(Math.abs(errorOf(of)), of.what).toBeLessThan(0.2);
  }
  const knees = cases.filter(({ what }) => what.includes('knee'));
  expect(knees.length).toBe(1);
  expect(knees[0]!.note).toMatch(/above the highest rate/);
}, 60_000);

const rate = (qps: string, metric: string, value: number, row: BenchmarkRow = {}): BenchmarkRow => ({
  source: 'online serving',
  engine: 'TensorRT-LLM',
  version: '0.14.0',
  load: `qps=${qps};20 reqs`,
  metric,
  value,
  ...row,
});

describe('a sweep of the request rate', () => {
  const sweep = async (...rows: BenchmarkRow[]) => onlineServing.run({ data: benchmarkFolder(rows) });

  test('without a point at which all is offered has no saturation, and says so', async () => {
    const { cases, notes } = await sweep(
      rate('2', 'req_throughput', 2),
      rate('2', 'mean_itl', 7),
      rate('4', 'req_throughput', 4),
      rate('4', 'mean_itl', 8),
    );
    expect(cases.map(({ what }) => what)).toEqual([
      'llama-3.1-8b on h100, 64/8, 2 req/s: ITL mean',
      'llama-3.1-8b on h100, 64/8, 4 req/s: ITL mean',
    ]);
    expect(notes).toContain('llama-3.1-8b on h100, 64/8: never offered all at once, so no saturation');
  });

  test('is of one engine and version', async () => {
    const newer = { version: '1.0' };
    const { cases, charts } = await sweep(
      rate('INF', 'req_throughput', 100),
      rate('INF', 'req_throughput', 50, newer),
    );
    expect(charts.map(({ title }) => title)).toEqual([
      'llama-3.1-8b on h100, 64/8, trtllm-cpp 0.14.0, fp16',
      'llama-3.1-8b on h100, 64/8, trtllm 1.0, fp16',
    ]);
    expect(cases.map(({ measured }) => measured)).toEqual([100, 50]);
    expect(cases[0]!.predicted).not.toBe(cases[1]!.predicted);
  });

  test('whose load cannot be read, or whose deployment cannot be, is left out', async () => {
    const { cases, notes } = await sweep(
      rate('INF', 'req_throughput', 100),
      rate('2', 'mean_itl', 7, { load: 'qps=2' }),
      rate('2', 'mean_itl', 7, { load: '' }),
      rate('2', 'mean_itl', 7, { gpus: 3 }),
      rate('2', 'mean_ttft', 7, { gpus: 3 }),
    );
    expect(cases).toHaveLength(1);
    expect(notes.slice(1)).toEqual([
      '1 row left out: load qps=2 is no rate of so many requests (qps=2;500 reqs)',
      '1 row left out: load (empty) is no rate of so many requests (qps=2;500 reqs)',
      expect.stringMatching(/^2 rows left out: --tensor-parallel 3 does not divide/),
    ]);
  });
});
