import type { Config } from '../../src/sim/config.ts';

/** A situation worth looking at: a small config that shows one thing, and two policies that differ in it. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** What to look for, in a sentence. */
  readonly note: string;
  readonly config: Config;
  /** Requests one by one, in Quire's own trace format, where no workload makes them. */
  readonly trace?: string;
}

/** One GPU and one model for all: what differs between scenarios is then the scenario. */
const machine = { model: 'opt-13b', gpu: 'a100-40g', replications: 1, seed: 0 } as const;

const latecomers = [
  { arrival_s: 0, input_tokens: 32, output_tokens: 10 },
  { arrival_s: 0, input_tokens: 32, output_tokens: 50 },
  { arrival_s: 0, input_tokens: 32, output_tokens: 100 },
  { arrival_s: 0.3, input_tokens: 32, output_tokens: 40 },
  { arrival_s: 0.6, input_tokens: 32, output_tokens: 30 },
];

export const scenarios: readonly Scenario[] = [
  {
    name: 'chat',
    title: 'Chat traffic, little memory',
    note: 'A static batch waits for its longest answer in memory that was set aside for the longest possible one; continuous batching admits whoever fits, block by block.',
    config: {
      ...machine,
      policy: ['deepspeed-static', 'vllm'],
      workload: 'lognormal',
      num_prompts: 64,
      request_rate: 10,
      input_len: 80,
      output_len: 120,
      kv_slots: 4096,
      max_model_len: 512,
    },
  },
  {
    name: 'latecomers',
    title: 'Three requests and two latecomers',
    note: 'Answers of 10, 50 and 100 tokens start together; 40 and 30 arrive later. The static batch makes them wait for the 100, and holds the rows of 10 and 50 until then.',
    config: {
      ...machine,
      policy: ['hf-static', 'vllm'],
      trace: 'three requests and two latecomers',
      kv_slots: 1536,
      max_model_len: 256,
      max_tokens: 128,
    },
    trace: latecomers.map(row => JSON.stringify(row)).join('\n'),
  },
  {
    name: 'burst',
    title: 'ShareGPT-like burst',
    note: 'All at once, with lengths like those of ShareGPT: how many run side by side is decided by memory alone.',
    config: {
      ...machine,
      policy: ['faster-transformer', 'vllm'],
      workload: 'sharegpt',
      num_prompts: 60,
      request_rate: 'inf',
      kv_slots: 8192,
      max_model_len: 1024,
    },
  },
  {
    name: 'prefixes',
    title: 'Shared prefixes, prefix caching',
    note: 'Three system prompts of 256 tokens. With the prefix cache their blocks are computed once and shared (hatched); without it, by everyone again.',
    config: {
      ...machine,
      policy: ['vllm-v0', 'vllm'],
      workload: 'shared-prefix',
      num_prompts: 60,
      request_rate: 8,
      prefix_groups: 3,
      prefix_len: 256,
      input_len: 300,
      output_len: 60,
      kv_slots: 4096,
      max_model_len: 1024,
    },
  },
  {
    name: 'pressure',
    title: 'Memory pressure, preemption',
    note: 'Memory for a handful of requests. Reserving for the worst case keeps most of them out; admitting on demand overcommits, and has to preempt.',
    config: {
      ...machine,
      policy: ['orca-max', 'vllm'],
      workload: 'sharegpt',
      num_prompts: 40,
      request_rate: 2,
      kv_slots: 2048,
      max_model_len: 1024,
    },
  },
  {
    name: 'samples',
    title: 'Parallel sampling, copy-on-write',
    note: 'Four samples of each prompt. Paged memory forks: they share the blocks of the prompt until they write to them; a contiguous reservation copies the prompt for each.',
    config: {
      ...machine,
      policy: ['orca-oracle', 'vllm'],
      workload: 'lognormal',
      num_prompts: 24,
      request_rate: 3,
      n: 4,
      input_len: 120,
      output_len: 80,
      kv_slots: 4096,
      max_model_len: 512,
    },
  },
  {
    name: 'own',
    title: 'Settings of your own',
    note: 'The defaults of quire compare, or what a results file was made with.',
    config: { policy: ['hf-static', 'vllm'], num_prompts: 200, replications: 1 },
  },
];

export function findScenario(name: string): Scenario | undefined {
  return scenarios.find(scenario => scenario.name === name);
}
