import { wholePrompt } from './admissions.ts';
import { continuous } from './batchings.ts';
import { fcfs } from './orders.ts';
import { type Policy, unlimited } from './policy.ts';
import { newest } from './victims.ts';

/** DeepSpeed-FastGen's Dynamic SplitFuse: forwards of equal size, long prompts split, short ones fused. */
export const fastgen: Policy = {
  name: 'fastgen',
  summary: 'DeepSpeed-FastGen: Dynamic SplitFuse, forwards of 768 tokens, blocks of 128',
  source: 'DeepSpeed-MII ragged manager: 512 sequences, 768 tokens a forward, KV block 128',
  order: fcfs,
  admission: wholePrompt,
  batching: continuous('any'),
  memory: { kind: 'paged', claim: 'demand', prefixCaching: false, freeOrder: 'lru' },
  victim: newest,
  preemption: 'recompute',
  stalls: true,
  limits: ({ maxModelLen }) => ({
    ...unlimited,
    maxModelLen,
    maxNumSeqs: 512,
    maxNumBatchedTokens: 768,
    blockSize: 128,
  }),
  runtime: 'fastgen',
};
