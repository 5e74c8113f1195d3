import { GiB } from '../units.ts';
import { estimate } from './admissions.ts';
import { prefillFirst } from './batchings.ts';
import { longestPrefixMatch } from './orders.ts';
import { type Policy, unlimited } from './policy.ts';
import { fewestOutputs } from './victims.ts';

/** SGLang: cache-aware order, admission by an estimate of what the running ones will use, retraction. */
export const sglang: Policy = {
  name: 'sglang',
  summary: 'SGLang: longest cached prefix first, estimated admission, retraction',
  source:
    'SGLang paper §3 (lpm) and server defaults: page size 1, chunked prefill 2048 / 4096 / 8192 by GPU memory',
  order: longestPrefixMatch,
  admission: estimate,
  batching: prefillFirst('any'),
  memory: { kind: 'paged', claim: 'demand', prefixCaching: true, freeOrder: 'lru' },
  victim: fewestOutputs,
  preemption: 'recompute',
  limits: ({ gpuMemory, maxModelLen }) => ({
    ...unlimited,
    maxModelLen,
    maxNumSeqs: 4096,
    maxNumBatchedTokens: gpuMemory < 35 * GiB ? 2048 : gpuMemory < 60 * GiB ? 4096 : 8192,
    blockSize: 1,
  }),
  runtime: 'sglang',
};
