import { firstChunk } from './admissions.ts';
import { staticBatch } from './batchings.ts';
import { fcfs } from './orders.ts';
import { type Policy, unlimited } from './policy.ts';
import { newest } from './victims.ts';

/** Hugging Face `generate` on a padded batch, as `run_hf` of vLLM's 2023 benchmark forms it. */
export const hfStatic: Policy = {
  name: 'hf-static',
  summary: 'Hugging Face generate: static padded batch, KV tensor grown by concatenation',
  source:
    "Transformers 4.30, past keys and values concatenated at every step; batches as in run_hf of vLLM's benchmark_throughput (2023)",
  order: fcfs,
  admission: firstChunk,
  batching: staticBatch,
  memory: { kind: 'padded', ragged: false },
  victim: newest,
  preemption: 'recompute',
  limits: ({ maxModelLen }) => ({ ...unlimited, maxModelLen }),
  runtime: 'transformers',
};
