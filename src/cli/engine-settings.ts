/** Settings of a simulated engine that say the same of a real one. */
export const engineSettings = [
  'block_size',
  'max_num_seqs',
  'max_num_batched_tokens',
  'max_model_len',
  'num_gpu_blocks_override',
  'order',
  'admission',
  'victim',
  'preemption',
  'prefix_caching',
] as const;
