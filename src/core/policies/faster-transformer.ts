import { firstChunk } from './admissions.ts';
import { staticBatch } from './batchings.ts';
import { fcfs } from './orders.ts';
import { type Policy, unlimited } from './policy.ts';
import { newest } from './victims.ts';

/** FasterTransformer with the paper's dynamic batching: as many as memory allows, run to completion. */
export const fasterTransformer: Policy = {
  name: 'faster-transformer',
  summary: 'FasterTransformer: largest static batch that fits, longest context reserved',
  source: 'vLLM paper §6.1, baseline 1',
  order: fcfs,
  admission: firstChunk,
  batching: staticBatch,
  memory: { kind: 'contiguous', reserve: 'max', allocator: 'buddy' },
  victim: newest,
  preemption: 'recompute',
  limits: ({ maxModelLen }) => ({ ...unlimited, maxModelLen }),
  runtime: 'faster-transformer',
};
