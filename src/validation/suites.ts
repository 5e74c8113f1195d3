import type { Study } from './study.ts';

/** What each suite holds the simulator against, in the order of its table. */
export const suites: Readonly<Record<Study['suite'], string>> = {
  paper: 'The vLLM paper',
  blog: 'The vLLM blog',
  'vllm-runs': 'Recorded runs of vLLM',
  kernels: 'Measured kernels',
  vendor: 'Published benchmarks',
};
