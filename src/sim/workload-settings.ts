import { z } from 'zod';
import {
  belowOne,
  between,
  nonNegative,
  oneOf,
  positive,
  type Setting,
  text,
  whole,
  yesNo,
} from './setting.ts';

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

/** The settings of the group Workload. */
export const workloadSettings = {
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
} satisfies Record<string, Setting>;
