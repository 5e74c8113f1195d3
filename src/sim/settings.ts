import { z } from 'zod';
import { kvPrecisions, weightPrecisions } from './cost/precision.ts';
import { aboveZero, belowOne, oneOf, type Setting, text, whole, yesNo } from './setting.ts';
import { workloadSettings } from './workload-settings.ts';

/** Every setting of a run, once: the config schema and the flags are made from it. */
export const settings = {
  policy: {
    schema: z.preprocess(
      names => (typeof names === 'string' ? [names] : names),
      z
        .array(z.string({ error: 'expected names of policies' }).min(1, 'expected names of policies'), {
          error: 'expected names of policies',
        })
        .min(1, 'expected at least one policy'),
    ),
    group: 'Engine',
    flag: 'list',
    value: 'names',
    help: 'policies to compare, the first is the baseline (quire policies)',
  },
  model: {
    schema: text,
    group: 'Engine',
    flag: 'text',
    value: 'name|config.json',
    help: 'model (quire models), or a Hugging Face config.json',
  },
  gpu: { schema: text, group: 'Engine', flag: 'text', value: 'name', help: 'GPU (quire gpus)' },
  tensor_parallel: {
    schema: whole(1),
    group: 'Engine',
    flag: 'number',
    value: 'n',
    help: 'GPUs that share the model',
  },
  weights: {
    schema: oneOf(...weightPrecisions),
    group: 'Engine',
    flag: 'text',
    value: 'precision',
    help: `weights: ${weightPrecisions.join(', ')}`,
  },
  kv_cache_dtype: {
    schema: oneOf(...kvPrecisions),
    group: 'Engine',
    flag: 'text',
    value: 'precision',
    help: `KV cache: ${kvPrecisions.join(', ')}`,
  },
  gpu_memory_utilization: {
    schema: aboveZero,
    group: 'Engine',
    flag: 'number',
    value: 'share',
    help: 'share of GPU memory the engine may use',
  },
  kernels: {
    schema: text,
    group: 'Engine',
    flag: 'text',
    value: 'folder',
    help: 'measured kernels instead of rooflines (AIConfigurator tables, LLMServingSim profiles)',
  },
  profile: {
    schema: text,
    group: 'Engine',
    flag: 'text',
    value: 'file',
    help: 'overheads that quire calibrate found in a measured run',
  },
  enforce_eager: { schema: yesNo, group: 'Engine', flag: 'switch', value: '', help: 'no CUDA graphs' },

  num_gpu_blocks_override: {
    schema: whole(1, 100_000_000),
    group: 'Limits',
    flag: 'number',
    value: 'blocks',
    help: 'KV blocks, instead of what fits',
  },
  kv_slots: {
    schema: whole(1, 100_000_000),
    group: 'Limits',
    flag: 'number',
    value: 'tokens',
    help: 'KV memory in tokens, instead of what fits, for every policy',
  },
  max_model_len: {
    schema: whole(2),
    group: 'Limits',
    flag: 'number',
    value: 'tokens',
    help: 'longest prompt and output',
  },
  max_num_seqs: {
    schema: whole(1),
    group: 'Limits',
    flag: 'number',
    value: 'n',
    help: 'sequences that run at once',
  },
  max_num_batched_tokens: {
    schema: whole(1),
    group: 'Limits',
    flag: 'number',
    value: 'tokens',
    help: 'tokens of one step',
  },
  long_prefill_token_threshold: {
    schema: whole(0),
    group: 'Limits',
    flag: 'number',
    value: 'tokens',
    help: 'longest piece of a prompt in one step',
  },
  block_size: {
    schema: whole(1),
    group: 'Limits',
    flag: 'number',
    value: 'tokens',
    help: 'slots of a KV block',
  },
  watermark: {
    schema: belowOne,
    group: 'Limits',
    flag: 'number',
    value: 'share',
    help: 'blocks kept free when a request enters',
  },

  order: {
    schema: oneOf('fcfs', 'priority', 'shortest-job-first', 'longest-prefix-match'),
    group: 'Policy parts',
    flag: 'text',
    value: 'name',
    help: 'fcfs, priority (with victim lowest-priority), shortest-job-first, longest-prefix-match',
  },
  admission: {
    schema: oneOf('first-chunk', 'whole-prompt', 'input-plus-max-tokens', 'estimate'),
    group: 'Policy parts',
    flag: 'text',
    value: 'name',
    help: 'first-chunk, whole-prompt, input-plus-max-tokens, estimate',
  },
  victim: {
    schema: oneOf('newest', 'lowest-priority', 'fewest-outputs'),
    group: 'Policy parts',
    flag: 'text',
    value: 'name',
    help: 'newest, lowest-priority, fewest-outputs',
  },
  preemption: {
    schema: oneOf('recompute', 'swap', 'auto'),
    group: 'Policy parts',
    flag: 'text',
    value: 'name',
    help: 'recompute, swap, auto',
  },
  prefix_caching: {
    schema: oneOf('on', 'off'),
    group: 'Policy parts',
    flag: 'text',
    value: 'on|off',
    help: 'prefix cache of paged policies',
  },

  ...workloadSettings,

  seed: {
    schema: z
      .number({ error: 'expected a whole number' })
      .refine(Number.isSafeInteger, 'expected a whole number'),
    group: 'Experiment',
    flag: 'number',
    value: 'n',
    help: 'of all random numbers',
  },
  replications: {
    schema: whole(1, 10_000),
    group: 'Experiment',
    flag: 'number',
    value: 'n',
    help: 'runs with seeds seed, seed + 1, …: intervals come from them',
  },
  slo: {
    schema: text,
    group: 'Experiment',
    flag: 'text',
    value: 'limits',
    help: 'per request, ms, for goodput: ttft:500,tpot:50; or of a metric, exit 1 if crossed: p99_ttft_ms<2000',
  },
} satisfies Record<string, Setting>;
