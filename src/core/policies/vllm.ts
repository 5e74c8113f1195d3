import { GiB } from '../units.ts';
import { wholePrompt } from './admissions.ts';
import { continuous } from './batchings.ts';
import { fcfs } from './orders.ts';
import { type Policy, unlimited } from './policy.ts';
import { newest } from './victims.ts';

/** vLLM v1: running first, mixed chunked prefill, blocks on demand, recompute. */
export const vllm: Policy = {
  name: 'vllm',
  summary: 'vLLM v1: paged on demand, chunked prefill beside decodes, prefix cache',
  source: 'vLLM 0.24 serving defaults (SchedulerConfig, CacheConfig)',
  order: fcfs,
  admission: wholePrompt,
  batching: continuous('any'),
  memory: { kind: 'paged', claim: 'demand', prefixCaching: true, freeOrder: 'uncached-first' },
  victim: newest,
  preemption: 'recompute',
  limits: ({ gpuMemory, isA100, maxModelLen }) => {
    const large = gpuMemory >= 70 * GiB && !isA100;
    return {
      ...unlimited,
      maxModelLen,
      maxNumSeqs: large ? 1024 : 256,
      maxNumBatchedTokens: large ? 8192 : 2048,
    };
  },
  runtime: 'vllm',
};
