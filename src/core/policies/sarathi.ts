import { wholePrompt } from './admissions.ts';
import { continuous } from './batchings.ts';
import { fcfs } from './orders.ts';
import { type Policy, unlimited } from './policy.ts';
import { newest } from './victims.ts';

/** Sarathi-Serve: stall-free batching, decodes first, the rest of a small budget filled with prompt pieces. */
export const sarathi: Policy = {
  name: 'sarathi',
  summary: 'Sarathi-Serve: decodes first, prompts in pieces within a budget of 512 tokens',
  source: 'Sarathi-Serve (OSDI 2024) §4; chunk size 512, batch size 128 of its evaluation',
  order: fcfs,
  admission: wholePrompt,
  batching: continuous('any'),
  memory: { kind: 'paged', claim: 'demand', prefixCaching: false, freeOrder: 'lru' },
  victim: newest,
  preemption: 'recompute',
  limits: ({ maxModelLen }) => ({
    ...unlimited,
    maxModelLen,
    maxNumSeqs: 128,
    maxNumBatchedTokens: 512,
    watermark: 0.01,
  }),
  runtime: 'sarathi',
};
