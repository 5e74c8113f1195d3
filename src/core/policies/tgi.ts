import { firstChunk, inputPlusMaxTokens } from './admissions.ts';
import { continuous, pauseToJoin } from './batchings.ts';
import { fcfs } from './orders.ts';
import { type Policy, unlimited } from './policy.ts';
import { newest } from './victims.ts';

/** Text Generation Inference before paging: the engine that vLLM's 2023 blog compares with. */
export const tgi08: Policy = {
  name: 'tgi-0.8',
  summary: 'TGI before paging: batch paused to prefill newcomers, KV copied at every step',
  source:
    'text-generation-inference v0.8.2: waiting_served_ratio 1.2, max_waiting_tokens 20, max_batch_total_tokens 32000',
  order: fcfs,
  admission: firstChunk,
  batching: pauseToJoin(1.2, 20),
  memory: { kind: 'padded', ragged: true },
  victim: newest,
  preemption: 'recompute',
  limits: ({ maxModelLen }) => ({ ...unlimited, maxModelLen, maxBatchTotalTokens: 32_000 }),
  runtime: 'tgi-0.8',
};

/** TGI 3: paged, with all that was promised claimed at admission, so that nothing is ever preempted. */
export const tgi3: Policy = {
  name: 'tgi-3',
  summary: 'TGI 3: paged, input + max_tokens claimed at admission, prefix cache',
  source:
    'text-generation-inference v3: max_concurrent_requests 128, max_batch_prefill_tokens min(4096, context)',
  order: fcfs,
  admission: inputPlusMaxTokens,
  batching: continuous('any'),
  memory: { kind: 'paged', claim: 'max', prefixCaching: true, freeOrder: 'lru' },
  victim: newest,
  preemption: 'recompute',
  limits: ({ maxModelLen }) => ({
    ...unlimited,
    maxModelLen,
    // More than these are refused; clients are taken to try again, which is a queue.
    maxNumSeqs: 128,
    // Found at warm-up by the engine; this is what it takes when it knows neither GPU nor model.
    maxNumBatchedTokens: Math.min(maxModelLen, 4096),
    // FlashInfer, the default attention, pages by the token.
    blockSize: 1,
  }),
  runtime: 'tgi',
};
