import { pauseToJoin } from '../../core/policies/batchings.ts';
import type { Policy } from '../../core/policies/policy.ts';
import { tgi3, tgi08 } from '../../core/policies/tgi.ts';
import { fixedLengths } from '../../sim/workload/lengths.ts';
import type { Case } from '../case.ts';
import { scriptRequests } from './requests.ts';
import { type Machine, serve } from './serve.ts';
import { hf, tgi08Server, vllm } from './systems.ts';

const a10: Machine = { model: 'llama-7b', gpu: 'a10g' };
const a100: Machine = { model: 'llama-7b', gpu: 'a100-80g' };
const large: Machine = { model: 'llama-2-13b', gpu: 'a100-80g' };

/** TGI 0.9.1: 0.8's server over vLLM's pages, all that was promised claimed on entry. */
const tgi09: Policy = {
  ...tgi08,
  name: 'tgi-0.9',
  admission: tgi3.admission,
  batching: pauseToJoin(1.2, 0),
  memory: { kind: 'paged', claim: 'max', prefixCaching: false, freeOrder: 'lru' },
};

/** Speeds of the same engines that others published: the overheads may not be made up for the blog alone. */
export async function publishedSpeeds(): Promise<Case[]> {
  const requests = scriptRequests({ count: 1000, lengths: { kind: 'sharegpt' }, n: 1, seed: 0 });
  const alone = scriptRequests({ count: 1, lengths: fixedLengths(20, 512), n: 1, seed: 0 });
  const token = async (machine: Machine) => (await serve(machine, hf.engine(machine, 1), alone)).mean_tpot_ms;
  const rate = async (...run: Parameters<typeof serve>) => (await serve(...run)).request_throughput;
  const tgi = tgi08Server.engine(a100, 1);
  const blog = vllm.engine(a100, 1);
  const { overheads: _, ...presets } = blog;
  return [
    {
      what: 'LLaMA-7B on an A10, HF, one request: a token',
      source: 'LMDeploy issue #210 (August 2023)',
      unit: 'ms',
      measured: 34,
      predicted: await token(a10),
      bound: 0.15,
    },
    {
      what: 'LLaMA-7B on an A100, HF, one request: a token',
      source: 'CTranslate2 issue #1388 (25 s for 600 tokens); AutoGPTQ README (18.87 tokens/s)',
      unit: 'ms',
      measured: [25_000 / 600, 1000 / 18.87],
      predicted: await token({ model: 'llama-7b', gpu: 'a100-40g' }),
      bound: 0.15,
      note: 'A matter of the CPU: the record spreads by a quarter on one GPU.',
    },
    {
      what: 'LLaMA-7B on an A800-80GB, TGI 0.8, 32,000 tokens a batch, ShareGPT',
      source: 'vLLM issue #262 (June 2023)',
      unit: 'req/s',
      measured: 2.2,
      predicted: await rate(
        a100,
        { ...tgi, limits: { ...tgi.limits, maxBatchTotalTokens: 32_000 } },
        requests,
      ),
      bound: 0.2,
      note: 'Growing the tensor copies by index: priced by one measurement on an H200, scaled.',
    },
    {
      what: 'LLaMA-7B on an A10, TGI 0.9.1 (paged), 17,664 tokens a batch, ShareGPT',
      source: 'vLLM issue #381 (July 2023)',
      unit: 'req/min',
      measured: 112,
      predicted:
        60 *
        (await rate(
          a10,
          {
            policy: tgi09,
            gpuMemoryUtilization: 1,
            kvSlots: 17_664,
            limits: { maxModelLen: 2048, maxBatchTotalTokens: 17_664 },
          },
          requests,
        )),
      note: 'The script cannot tell TGI to ignore the end of sequence; an A10 computes prompts faster than an A10G.',
    },
    {
      what: 'LLaMA-7B on an A100-80GB, vLLM 0.1 behind its HTTP server, ShareGPT',
      source: 'vLLM issues #670 (2,000 prompts) and #359',
      unit: 'req/s',
      measured: [4.62, 5.99],
      predicted: await rate(a100, { ...blog, gpuMemoryUtilization: 0.9 }, requests),
      bound: 0.15,
    },
    {
      what: 'Llama-2-13B on an A100-80GB, vLLM 0.1, ShareGPT',
      source: 'vLLM PR #820 (August 2023)',
      unit: 'req/s',
      measured: 3.7,
      predicted: await rate(large, { ...blog, gpuMemoryUtilization: 0.9 }, requests),
      bound: 0.15,
    },
    {
      what: 'Llama-2-13B on an A100-80GB, vLLM with the sampler of 0.2, ShareGPT',
      source: 'vLLM PR #820 (August 2023)',
      unit: 'req/s',
      measured: 4.77,
      predicted: await rate(large, { ...presets, gpuMemoryUtilization: 0.9 }, requests),
      bound: 0.15,
    },
  ];
}
