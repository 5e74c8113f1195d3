import { expect, test } from 'vitest';
import { openDataFolder } from '../../src/cli/data-folder.ts';
import { errorOf, isCrossed } from '../../src/validation/case.ts';
import type { DataFolder } from '../../src/validation/study.ts';
import { groundTruth } from '../../src/validation/vendor/ground-truth.ts';
import { onlineServing } from '../../src/validation/vendor/online.ts';
import { recipeOf } from '../../src/validation/vendor/recipes.ts';
import { silicon } from '../../src/validation/vendor/silicon.ts';

const header =
  'source,engine,version,gpu,num_gpus,model,precision,isl,osl,concurrency_or_batch,metric,value,unit,repo_path';

function tableOf(...rows: string[]): DataFolder {
  const text = async () => [header, ...rows].join('\n');
  return {
    name: 'data',
    list: async () => ['ground_truth.csv'],
    text,
    bytes: async () => new TextEncoder().encode(await text()),
  };
}

function recorded(): DataFolder {
  const data = openDataFolder(undefined);
  if (!data) throw new Error('set QUIRE_DATA to the folder of recorded measurements');
  return data;
}

const every = () => true;

test('rows as sources write them: GPUs, models and precisions by many names', async () => {
  const row = (gpu: string, model: string, precision: string) =>
    `s,vllm,,${gpu},2,${model},${precision},1024,128,concurrency=8,mean_ttft,10,ms,x`;
  const { rows, skipped } = await groundTruth(
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
  expect(skipped).toEqual([
    '1 rows left out: GPU TPU is not known',
    '1 rows left out: model bloom-176b is not known',
  ]);
});

test('a folder without the table, or with another one', async () => {
  const none = { ...tableOf(), list: async () => ['README.md'] };
  await expect(groundTruth(none, every)).rejects.toThrow(
    /data: no ground_truth.csv; expected a table of published/,
  );
  const other = { ...tableOf(), text: async () => 'a,b\n1,2\n' };
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
  const { cases, notes, charts } = await silicon.run({ data: recorded() });
  expect(cases.filter(isCrossed)).toEqual([]);
  const of = (name: string) => cases.find(({ what }) => what.startsWith(`mean absolute error of ${name}`))!;
  expect(of('TPOT, all').bound).toBe(9);
  expect(of('TTFT, all').aim).toBe(18);
  expect(of('TTFT: vllm').predicted).toBeLessThan(18);
  expect(notes.filter(note => note.startsWith('among the worst')).length).toBe(5);
  expect(charts.map(({ title }) => title)).toEqual([
    'TTFT: predicted against measured',
    'TPOT: predicted against measured',
  ]);
}, 120_000);

test('TensorRT-LLM’s sweep: one knee, and a saturation for each pair of lengths', async () => {
  const { cases } = await onlineServing.run({ data: recorded() });
  const saturations = cases.filter(({ what }) => what.includes('saturation'));
  expect(saturations.length).toBe(3);
  for (const of of saturations) {
    expect(of.aim).toBe(0.1);
    expect(Math.abs(errorOf(of)), of.what).toBeLessThan(0.2);
  }
  expect(cases.filter(({ what }) => what.includes('knee')).length).toBe(1);
}, 60_000);
