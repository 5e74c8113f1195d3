import { expect, test } from 'vitest';
import { UsageError } from '../../../src/core/errors.ts';
import { findGpu } from '../../../src/sim/hardware/catalogue.ts';
import { openKernels } from '../../../src/sim/kernels/open-kernels.ts';
import { openServingProfile } from '../../../src/sim/kernels/serving-profile.ts';
import { NoKernels } from '../../../src/sim/kernels/table-files.ts';
import { folderOf } from './folder.ts';
import { deployment, files, profileFolder } from './profile.ts';

const nested = (gpu: string, model = 'meta-llama/Llama-3.1-8B') =>
  profileFolder(files, table => `perf/${gpu}/${model}/bf16/tp1/${table}.csv`);
const flat = (gpu: string) =>
  profileFolder(files, table => `profile_${gpu}_meta-llama_Llama-3.1-8B_bf16_tp1_${table}.csv.gz`);
const on = (name: string) => ({ ...deployment, gpu: findGpu(name)! });

test.each([
  ['L4', 'l40s'],
  ['H20', 'h200'],
  ['A10', 'a10g'],
  ['A10', 'a100-40g'],
  ['A100', 'a100-40g'],
  ['A100-80GB', 'a100-40g'],
  ['RTX', 'rtx-4090'],
  ['RTX_PRO_6000', 'rtx-4090'],
])('a profile of %s is none of %s', async (measured, gpu) => {
  expect(await openServingProfile(nested(measured), on(gpu))).toBeUndefined();
  expect(await openServingProfile(flat(measured), on(gpu))).toBeUndefined();
});

test.each([
  ['L4', 'l4'],
  ['A100', 'a100-80g'],
  ['A100-40GB', 'a100-40g'],
  ['RTX_PRO_6000', 'rtx-pro-6000'],
  ['RTXPRO6000', 'rtx-pro-6000'],
  ['h100_sxm', 'h100'],
])('a profile of %s is one of %s', async (measured, gpu) => {
  expect(await openServingProfile(nested(measured), on(gpu))).toBeDefined();
  expect(await openServingProfile(flat(measured), on(gpu))).toBeDefined();
});

const both = async (...folders: ReturnType<typeof folderOf>[]) => {
  const all: Record<string, string> = {};
  for (const folder of folders) for (const path of await folder.list()) all[path] = await folder.text(path);
  return folderOf(all);
};

test('two profiles of one deployment are named, whichever would have come last', async () => {
  for (const [one, other, names] of [
    [nested('RTX4090'), nested('rtx-4090'), ['perf/RTX4090/meta-llama', 'perf/rtx-4090/meta-llama']],
    [
      nested('RTX4090'),
      nested('RTX4090', 'meta-llama/Llama-3.1-8B-Instruct'),
      ['Llama-3.1-8B/bf16', 'Llama-3.1-8B-Instruct/bf16'],
    ],
    [nested('RTX4090'), flat('RTX4090'), ['perf/RTX4090/', 'profile_RTX4090_']],
  ] as const) {
    const opened = openServingProfile(await both(one, other), deployment);
    await expect(opened).rejects.toThrow(UsageError);
    for (const name of names) await expect(opened).rejects.toThrow(name);
    await expect(opened).rejects.toThrow(/llama-3.1-8b.*rtx-4090.*keep one/);
  }
});

test('two files of one table are named', async () => {
  const packed = profileFolder(
    files,
    table => `perf/RTX4090/meta-llama/Llama-3.1-8B/bf16/tp1/${table}.csv.gz`,
  );
  const opened = openServingProfile(await both(nested('RTX4090'), packed), deployment);
  await expect(opened).rejects.toThrow(UsageError);
  await expect(opened).rejects.toThrow(/attention\.csv and .*attention\.csv\.gz/);
});

test('profiles of other GPUs, models, precisions and degrees lie beside it', async () => {
  const fp8 = profileFolder(files, table => `perf/RTX4090/meta-llama/Llama-3.1-8B/fp8/tp1/${table}.csv`);
  const two = profileFolder(files, table => `perf/RTX4090/meta-llama/Llama-3.1-8B/bf16/tp2/${table}.csv`);
  const all = await both(nested('RTX4090'), nested('L4'), nested('RTX4090', 'Qwen/Qwen3-32B'), fp8, two);
  const profile = await openServingProfile(all, deployment);
  expect(profile!.source).toContain('perf/RTX4090/meta-llama/Llama-3.1-8B/bf16/tp1/dense.csv');
});

test('what a folder has instead is said: profiles of other models, precisions and GPUs', async () => {
  const folder = nested('RTX4090');
  await expect(openKernels(folder, { ...deployment, tensorParallel: 2 }, ['vllm'])).rejects.toThrow(
    /no kernel tables of rtx-4090; .*nor is one of its profiles of llama-3.1-8b \(fp16, tensor parallel 2\) on rtx-4090: meta-llama\/Llama-3.1-8B bf16 tp1 on RTX4090/,
  );
  await expect(openKernels(folder, on('l40s'), ['vllm'])).rejects.toThrow(NoKernels);
});
