import { firstChunk } from './admissions.ts';
import { staticBatch } from './batchings.ts';
import { fcfs } from './orders.ts';
import { type Policy, unlimited } from './policy.ts';
import { newest } from './victims.ts';

/** DeepSpeed-Inference v1: a static batch over a workspace preallocated for `max_out_tokens` a sequence. */
export const deepspeedStatic: Policy = {
  name: 'deepspeed-static',
  summary: 'DeepSpeed-Inference: static batch, KV workspace of 1,024 tokens a sequence',
  source: 'DeepSpeed inference config: max_out_tokens = 1024, prompt and output',
  order: fcfs,
  admission: firstChunk,
  batching: staticBatch,
  memory: { kind: 'contiguous', reserve: 'max', allocator: 'first-fit' },
  victim: newest,
  preemption: 'recompute',
  limits: ({ maxModelLen }) => ({ ...unlimited, maxModelLen: Math.min(1024, maxModelLen) }),
  runtime: 'deepspeed',
};
