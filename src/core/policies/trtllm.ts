import { inputPlusMaxTokens } from './admissions.ts';
import { continuous } from './batchings.ts';
import { fcfs } from './orders.ts';
import { type Policy, unlimited } from './policy.ts';
import { newest } from './victims.ts';

/** TensorRT-LLM with its default capacity scheduler: what has started is never evicted. */
export const trtllm: Policy = {
  name: 'trtllm',
  summary: 'TensorRT-LLM: in-flight batching, guaranteed no eviction, prefix cache',
  source:
    'TensorRT-LLM 1.0 serving defaults: GUARANTEED_NO_EVICT, max_batch_size 2048, max_num_tokens 8192, tokens_per_block 32',
  order: fcfs,
  admission: inputPlusMaxTokens,
  batching: continuous('any'),
  memory: { kind: 'paged', claim: 'max', prefixCaching: true, freeOrder: 'lru' },
  victim: newest,
  preemption: 'recompute',
  limits: ({ maxModelLen }) => ({
    ...unlimited,
    maxModelLen,
    maxNumSeqs: 2048,
    maxNumBatchedTokens: 8192,
    blockSize: 32,
  }),
  runtime: 'trtllm',
};
