import { orcaMax } from '../../core/policies/orca.ts';
import { vllm } from '../../core/policies/vllm.ts';
import { GiB, KiB } from '../../core/units.ts';
import { activationBytes, kvBytes } from '../../sim/cost/precision.ts';
import { findModel } from '../../sim/models/catalogue.ts';
import { kvBytesPerToken, type Model } from '../../sim/models/model.ts';
import { parameterCount } from '../../sim/models/parameters.ts';
import { meanOf } from '../../sim/statistics.ts';
import { fixedLengths, type LengthModel } from '../../sim/workload/lengths.ts';
import type { Case } from '../case.ts';
import type { Chart } from '../study.ts';
import { scriptRequests } from './requests.ts';
import { type Engine, type Machine, serve } from './serve.ts';

const CONTEXT = 4096;
const machine: Machine = { model: 'llama-2-7b', gpu: 'a100-80g' };
const tutorial = 'tutorials on serving LLaMA-2-7B';

/** How many users an A100-80GB has room for: by arithmetic, and in a run. */
export async function userCases(): Promise<{ cases: Case[]; chart: Chart }> {
  const model = findModel(machine.model)!;
  const request = CONTEXT * perToken(model);
  const weights = (parameterCount(model).total * activationBytes) / 1e9;
  const arithmetic = Math.floor((80 - weights) / (request / GiB));
  const whole = fixedLengths(CONTEXT - 512, 512);
  const reserved = await users({ policy: orcaMax }, whole, 200);
  const paged = await users({ policy: vllm }, whole, 200);
  const real = await users({ policy: vllm }, { kind: 'sharegpt' }, 2000);
  const cases: Case[] = [
    {
      what: 'LLaMA-2-7B: KV of a token',
      source: tutorial,
      unit: 'KiB',
      measured: 512,
      predicted: perToken(model) / KiB,
      bound: 0,
    },
    {
      what: 'LLaMA-2-7B: KV of a request of 4,096 tokens',
      source: tutorial,
      unit: 'GiB',
      measured: 2,
      predicted: request / GiB,
      bound: 0,
    },
    {
      what: 'LLaMA-13B: KV of the longest request',
      source: 'vLLM blog, 2023-06-20',
      unit: 'GB',
      measured: 1.7,
      predicted: (2048 * perToken(findModel('llama-13b')!)) / 1e9,
      bound: 0.02,
    },
    {
      what: 'LLaMA-2-7B on an A100-80GB: requests of 4,096 tokens at once, (80 GB − weights) / 2 GB',
      source: tutorial,
      unit: '',
      measured: 33,
      predicted: arithmetic,
      bound: 0,
    },
    {
      what: 'LLaMA-2-7B on an A100-80GB: requests of 4,096 tokens at once, in a run that reserves them whole',
      source: tutorial,
      unit: '',
      measured: 33,
      predicted: reserved,
      note: 'The arithmetic divides GB by GiB, and forgets the 10 % that vLLM leaves free, activations and the CUDA context.',
    },
  ];
  const points: [string, number][] = [
    ['arithmetic', arithmetic],
    ['4,096 reserved', reserved],
    ['4,096 paged', paged],
    ['ShareGPT paged', real],
  ];
  return {
    cases,
    chart: {
      title: 'Users at once, LLaMA-2-7B on an A100-80GB',
      kind: 'bars',
      x: { label: 'memory' },
      y: { label: 'requests at once' },
      series: [{ name: 'simulated', points, published: [['arithmetic', 33]] }],
    },
  };
}

function perToken(model: Model): number {
  return kvBytesPerToken(model, kvBytes.fp16);
}

/** Requests that ran at once, on average over the time in which others waited. */
async function users(engine: Pick<Engine, 'policy'>, lengths: LengthModel, count: number): Promise<number> {
  const requests = scriptRequests({ count, lengths, n: 1, seed: 0 });
  const limits = { maxModelLen: CONTEXT, maxNumSeqs: count };
  const { series } = await serve(machine, { ...engine, gpuMemoryUtilization: 0.9, limits }, requests);
  return meanOf(series.batch_size.filter((_, i) => series.waiting[i]! > 0));
}
