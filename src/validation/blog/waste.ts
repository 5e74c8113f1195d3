import { findPolicy } from '../../core/policies/registry.ts';
import type { Case } from '../case.ts';
import type { Chart } from '../study.ts';
import { scriptRequests } from './requests.ts';
import { type Machine, serve } from './serve.ts';

const machine: Machine = { model: 'llama-13b', gpu: 'a100-40g' };

/** Existing systems in 2023; those with a bound are the ones that the paper behind the claim measured (its Fig. 2). */
const existing = [
  { policy: 'orca-max', bound: 5 },
  { policy: 'orca-pow2', bound: 5 },
  { policy: 'orca-oracle', bound: 5 },
  { policy: 'faster-transformer' },
  { policy: 'deepspeed-static' },
  { policy: 'hf-static' },
  { policy: 'tgi-0.8' },
];

const source = 'vLLM blog, 2023-06-20';
const what = (policy: string) => `LLaMA-13B, A100-40GB, ShareGPT: waste of ${policy}`;

/** Share of the claimed KV memory without a token, averaged over the time of a queue of 400 requests. */
export async function wasteCases(): Promise<{ cases: Case[]; chart: Chart }> {
  const requests = scriptRequests({ count: 400, lengths: { kind: 'sharegpt' }, n: 1, seed: 0 });
  const waste = async (name: string) => {
    const engine = { policy: findPolicy(name)!, gpuMemoryUtilization: 0.9, limits: { maxModelLen: 2048 } };
    const limits = name === 'deepspeed-static' ? {} : engine.limits;
    return 100 * (await serve(machine, { ...engine, limits }, requests)).waste;
  };
  const cases: Case[] = [];
  for (const { policy, bound } of existing) {
    cases.push({
      what: what(policy),
      source,
      unit: '%',
      points: true,
      measured: [60, 80],
      predicted: await waste(policy),
      ...(bound === undefined
        ? { note: 'The blog says "existing systems" and names none; its figures are those of Orca.' }
        : { bound }),
    });
  }
  const paged = await waste('vllm-v0');
  cases.push({
    what: what('vllm-v0'),
    source,
    unit: '%',
    points: true,
    measured: [0, 4],
    predicted: paged,
    bound: 0,
  });
  const points = cases.map(({ what, predicted }): [string, number] => [what.split(' ').at(-1)!, predicted]);
  return {
    cases,
    chart: {
      title: 'KV memory that holds no token',
      kind: 'bars',
      x: { label: 'policy' },
      y: { label: '% of what is claimed', max: 100 },
      series: [{ name: 'waste', points }],
    },
  };
}
