import { wholePrompt } from './admissions.ts';
import { prefillFirst } from './batchings.ts';
import { fcfs } from './orders.ts';
import { type Policy, unlimited } from './policy.ts';
import { newest } from './victims.ts';

/** vLLM as in the paper: whole prompts first, then decodes; groups are swapped, single sequences recomputed. */
export const vllmV0: Policy = {
  name: 'vllm-v0',
  summary: 'vLLM v0 (the paper): paged on demand, prefills before decodes, swap for groups',
  source: 'vLLM paper §4.5 and v0 defaults (watermark 0.01, swap_space 4 GiB)',
  order: fcfs,
  admission: wholePrompt,
  batching: prefillFirst('none'),
  memory: { kind: 'paged', claim: 'demand', prefixCaching: false, freeOrder: 'lru' },
  victim: newest,
  preemption: 'auto',
  limits: ({ maxModelLen }) => ({
    ...unlimited,
    maxModelLen,
    maxNumSeqs: 256,
    maxNumBatchedTokens: Math.max(2048, maxModelLen),
    watermark: 0.01,
  }),
  runtime: 'vllm-v0',
};
