import { wholePrompt } from './admissions.ts';
import { prefillFirst } from './batchings.ts';
import { fcfs } from './orders.ts';
import { type Policy, unlimited } from './policy.ts';
import { newest } from './victims.ts';

/** nano-vllm: if any prompt can run, a step of prompts; else a step of decodes. */
export const nanoVllm: Policy = {
  name: 'nano-vllm',
  summary: 'nano-vllm: prefills before decodes, blocks of 256, prefix cache, recompute',
  source: 'nano-vllm (April 2026): max_num_seqs 512, max_num_batched_tokens 16384, block 256',
  order: fcfs,
  admission: wholePrompt,
  batching: prefillFirst('first'),
  memory: { kind: 'paged', claim: 'demand', prefixCaching: true, freeOrder: 'lru' },
  victim: newest,
  preemption: 'recompute',
  limits: ({ maxModelLen }) => ({
    ...unlimited,
    maxModelLen,
    maxNumSeqs: 512,
    maxNumBatchedTokens: 16_384,
    blockSize: 256,
  }),
  runtime: 'nano-vllm',
};
