import { z } from 'zod';
import { kvPrecisions, weightPrecisions } from './cost/precision.ts';

/** One setting: a key of the config file and a flag of the command line (`request_rate`, `--request-rate`). */
export interface Setting {
  readonly schema: z.ZodType;
  readonly group: 'Engine' | 'Limits' | 'Policy parts' | 'Workload' | 'Experiment';
  /** How the command line writes the value. */
  readonly flag: 'number' | 'text' | 'list' | 'switch';
  readonly value: string;
  readonly help: string;
}

const whole = (min: number, max = 2 ** 31 - 1) =>
  z
    .number({ error: `expected a whole number of at least ${min}` })
    .refine(n => Number.isSafeInteger(n) && n >= min, `expected a whole number of at least ${min}`)
    .refine(n => n <= max, `expected a whole number of at most ${max}`);
const positive = z
  .number({ error: 'expected a number above 0' })
  .refine(n => n > 0, 'expected a number above 0');
const nonNegative = z
  .number({ error: 'expected a number of at least 0' })
  .refine(n => n >= 0, 'expected a number of at least 0');
/** A share of something; which of its ends it may be is said. */
const share = (range: string, allows: (share: number) => boolean) =>
  z.number({ error: `expected a share ${range}` }).refine(allows, `expected a share ${range}`);
const aboveZero = share('above 0, at most 1', n => n > 0 && n <= 1);
const belowOne = share('from 0, below 1', n => n >= 0 && n < 1);
const between = share('above 0 and below 1', n => n > 0 && n < 1);
const yesNo = z.boolean({ error: 'expected true or false' });
const oneOf = (...names: [string, ...string[]]) =>
  z.enum(names, { error: `expected one of ${names.join(', ')}` });

const text = z.string({ error: 'expected text' }).min(1, 'expected text');

/** Workloads that need no file. */
export const workloadNames = [
  'sharegpt',
  'alpaca',
  'fixed',
  'uniform',
  'lognormal',
  'shared-prefix',
  'closed-loop',
  'chat',
] as const;

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

  workload: {
    schema: oneOf(...workloadNames),
    group: 'Workload',
    flag: 'text',
    value: 'name',
    help: workloadNames.join(', '),
  },
  trace: {
    schema: text,
    group: 'Workload',
    flag: 'text',
    value: 'file',
    help: 'replay a trace instead (Azure, Mooncake, BurstGPT, vllm bench, Quire; gzip or not)',
  },
  num_prompts: {
    schema: whole(1, 5_000_000),
    group: 'Workload',
    flag: 'number',
    value: 'n',
    help: 'requests (of a trace: the first n)',
  },
  request_rate: {
    schema: z.union([z.literal('inf'), positive.refine(n => n >= 1e-9, 'too small')], {
      error: issue =>
        Number(issue.input) > 0 ? 'expected a number of at least 1e-9' : 'expected a number above 0, or inf',
    }),
    group: 'Workload',
    flag: 'number',
    value: 'per second',
    help: 'arrivals per second; inf: all at once',
  },
  burstiness: {
    schema: positive.refine(n => n >= 0.001, 'expected a number of at least 0.001'),
    group: 'Workload',
    flag: 'number',
    value: 'shape',
    help: 'gamma shape of the gaps: 1 Poisson, less is burstier',
  },
  fixed_rate: {
    schema: yesNo,
    group: 'Workload',
    flag: 'switch',
    value: '',
    help: 'equal gaps between arrivals',
  },
  time_scale: {
    schema: positive,
    group: 'Workload',
    flag: 'number',
    value: 'factor',
    help: 'stretches the times of a trace (0.5 doubles the rate)',
  },
  input_len: {
    schema: whole(1),
    group: 'Workload',
    flag: 'number',
    value: 'tokens',
    help: 'prompt length of fixed, mean of uniform and lognormal, message of chat',
  },
  output_len: {
    schema: whole(1),
    group: 'Workload',
    flag: 'number',
    value: 'tokens',
    help: 'the same for the output',
  },
  range_ratio: {
    schema: belowOne,
    group: 'Workload',
    flag: 'number',
    value: 'share',
    help: 'uniform: lengths within ± this share of the mean',
  },
  prefix_groups: {
    schema: whole(1),
    group: 'Workload',
    flag: 'number',
    value: 'n',
    help: 'shared-prefix: number of different prefixes',
  },
  prefix_len: {
    schema: whole(1),
    group: 'Workload',
    flag: 'number',
    value: 'tokens',
    help: 'shared-prefix: length of each',
  },
  users: {
    schema: whole(1),
    group: 'Workload',
    flag: 'number',
    value: 'n',
    help: 'closed-loop: users; chat: conversations',
  },
  think_time: {
    schema: nonNegative,
    group: 'Workload',
    flag: 'number',
    value: 'seconds',
    help: 'closed-loop and chat: mean pause of a user',
  },
  turns: {
    schema: whole(1),
    group: 'Workload',
    flag: 'number',
    value: 'n',
    help: 'chat: mean turns of a conversation',
  },
  n: {
    schema: whole(1, 1024),
    group: 'Workload',
    flag: 'number',
    value: 'n',
    help: 'parallel samples of each prompt',
  },
  beam_width: {
    schema: whole(1, 1024),
    group: 'Workload',
    flag: 'number',
    value: 'n',
    help: 'beam search of this width',
  },
  max_tokens: {
    schema: z.union([z.literal('auto'), z.literal('exact'), whole(1)], {
      error: 'expected auto, exact or a whole number of at least 1',
    }),
    group: 'Workload',
    flag: 'number',
    value: 'auto|exact|n',
    help: 'what clients ask for: the next of 1024, 2048, … above their output; exactly it; or n',
  },
  abort_after: {
    schema: positive,
    group: 'Workload',
    flag: 'number',
    value: 'seconds',
    help: 'clients hang up after an exponential time of this mean',
  },
  high_priority_share: {
    schema: between,
    group: 'Workload',
    flag: 'number',
    value: 'share',
    help: 'share of requests with priority 0; the others have 1',
  },

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
