import { firstChunk } from './admissions.ts';
import { continuous } from './batchings.ts';
import { fcfs } from './orders.ts';
import { type Policy, unlimited } from './policy.ts';
import { newest } from './victims.ts';

/** Iteration-level scheduling over contiguous reservations from a buddy allocator (vLLM paper §6.1, baseline 2). */
const orca = (reserve: 'max' | 'pow2' | 'oracle', what: string): Policy => ({
  name: `orca-${reserve}`,
  summary: `Orca: continuous batching, KV in one run for ${what}`,
  source: 'Orca (OSDI 2022) Algorithm 1; reservations as in the vLLM paper §6.1',
  order: fcfs,
  admission: firstChunk,
  batching: continuous('none'),
  memory: { kind: 'contiguous', reserve, allocator: 'buddy' },
  victim: newest,
  preemption: 'recompute',
  limits: ({ maxModelLen }) => ({ ...unlimited, maxModelLen }),
  runtime: 'orca',
});

export const orcaMax = orca('max', 'the longest context');
export const orcaPow2 = orca('pow2', 'the next 2ⁿ of the true output');
export const orcaOracle = orca('oracle', 'the true length');
