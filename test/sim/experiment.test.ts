import { describe, expect, test } from 'vitest';
import { UsageError } from '../../src/core/errors.ts';
import type { EngineEvent } from '../../src/core/events.ts';
import { policies } from '../../src/core/policies/registry.ts';
import { completeConfig, composePolicy } from '../../src/sim/check-config.ts';
import type { Config } from '../../src/sim/config.ts';
import { runExperiment } from '../../src/sim/experiment.ts';
import { findModel } from '../../src/sim/models/catalogue.ts';

const model = findModel('llama-13b')!;
const small: Config = { num_prompts: 40, request_rate: 4, replications: 3, seed: 5 };
const run = (config: Config) => runExperiment(completeConfig({ ...small, ...config }), { model });

test('27: the same config gives the same results to the last byte, another seed gives others', async () => {
  const config: Config = { policy: ['hf-static', 'vllm', 'orca-oracle'] };
  const [a, b, other] = [await run(config), await run(config), await run({ ...config, seed: 6 })];
  expect(JSON.stringify(b)).toBe(JSON.stringify(a));
  expect(JSON.stringify(other.results)).not.toBe(JSON.stringify(a.results));
});

test('every policy serves the same workload: same requests, same prompts, same answers', async () => {
  const { results } = await run({ policy: policies.map(({ name }) => name), max_model_len: 1024 });
  for (const result of results) {
    expect(result.completed + result.failed, result.policy).toBe(40);
    expect(result.total_input_tokens, result.policy).toBe(results[0]!.total_input_tokens);
    expect(result.total_output_tokens, result.policy).toBe(results[0]!.total_output_tokens);
    expect(result.kv_capacity_tokens, result.policy).toBeGreaterThan(10_000);
  }
});

test('a policy alone and among others comes out the same', async () => {
  const alone = await run({ policy: ['vllm'] });
  const among = await run({ policy: ['orca-max', 'vllm'] });
  expect(among.results[1]).toEqual(alone.results[0]);
});

test('figures are means over the seeds; comparisons are ratios to the first policy, with intervals', async () => {
  const { results, comparisons } = await run({ policy: ['orca-max', 'vllm'] });
  const singles = await Promise.all([5, 6, 7].map(seed => run({ policy: ['vllm'], replications: 1, seed })));
  const mean = singles.reduce((sum, { results: [one] }) => sum + one!.mean_e2el_ms, 0) / 3;
  expect(results[1]!.mean_e2el_ms).toBeCloseTo(mean, 9);
  expect(results[1]!.replications!.map(({ seed }) => seed)).toEqual([5, 6, 7]);
  const [{ policy, baseline, mean_e2el_ms: ratio }] = comparisons as [(typeof comparisons)[0]];
  expect([policy, baseline]).toEqual(['vllm', 'orca-max']);
  expect(ratio.estimate).toBeCloseTo(results[1]!.mean_e2el_ms / results[0]!.mean_e2el_ms, 9);
  expect(ratio.low!).toBeLessThanOrEqual(ratio.estimate);
  expect(ratio.high!).toBeGreaterThanOrEqual(ratio.estimate);
});

test('one seed: requests are resampled in pairs', async () => {
  const { comparisons } = await run({ policy: ['orca-max', 'vllm'], replications: 1 });
  expect(comparisons[0]!.request_throughput).not.toHaveProperty('low');
  expect(comparisons[0]!.mean_e2el_ms.low!).toBeLessThanOrEqual(comparisons[0]!.mean_e2el_ms.estimate);
});

test('a listener hears the first replication of each policy, and changes nothing', async () => {
  const heard = new Map<string, EngineEvent[]>();
  const config = completeConfig({ ...small, policy: ['hf-static', 'vllm'] });
  const listened = await runExperiment(config, {
    model,
    listener: policy => {
      heard.set(policy, []);
      return { detail: true, on: event => heard.get(policy)!.push(event) };
    },
  });
  expect(JSON.stringify(listened)).toBe(JSON.stringify(await run({ policy: ['hf-static', 'vllm'] })));
  for (const [, events] of heard) {
    expect(events.filter(({ type }) => type === 'finished')).toHaveLength(40);
    expect(events.filter(({ type }) => type === 'arrived')).toHaveLength(40);
  }
});

test('progress rises to 1', async () => {
  const seen: number[] = [];
  await runExperiment(completeConfig({ ...small, policy: ['vllm', 'sarathi'] }), {
    model,
    progress: done => seen.push(done),
  });
  expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  expect(seen.at(-1)).toBe(1);
});

test('clients who hang up: progress does not go beyond 1, and all are accounted for', async () => {
  const seen: number[] = [];
  const config = completeConfig({ ...small, policy: ['hf-static', 'vllm'], abort_after: 3, replications: 1 });
  const { results } = await runExperiment(config, { model, progress: done => seen.push(done) });
  expect(Math.max(...seen)).toBeLessThanOrEqual(1);
  for (const { completed, aborted, failed } of results) expect(completed + aborted + failed).toBe(40);
  expect(results[1]!.aborted).toBeGreaterThan(0);
});

describe('policies from parts', () => {
  test('each part replaces its own', () => {
    const policy = composePolicy('vllm', {
      order: 'priority',
      admission: 'estimate',
      victim: 'lowest-priority',
      preemption: 'swap',
      prefix_caching: 'off',
    });
    expect(policy.order.name).toBe('priority');
    expect(policy.admission().name).toBe('estimate');
    expect(policy.victim.name).toBe('lowest-priority');
    expect(policy.preemption).toBe('swap');
    expect(policy.memory).toMatchObject({ kind: 'paged', prefixCaching: false });
    expect(composePolicy('vllm', {})).toEqual(composePolicy('vllm', {}));
  });

  test('high priority is served sooner under overload', async () => {
    const config: Config = {
      policy: ['vllm'],
      order: 'priority',
      high_priority_share: 0.2,
      request_rate: 'inf',
      num_prompts: 200,
      max_num_seqs: 8,
      replications: 1,
    };
    const ends = new Map<number, number[]>([
      [0, []],
      [1, []],
    ]);
    await runExperiment(completeConfig(config), {
      model,
      listener: () => ({
        detail: false,
        on: event => {
          if (event.type === 'finished') ends.get(event.request.priority)!.push(event.time);
        },
      }),
    });
    const mean = (list: number[]) => list.reduce((a, b) => a + b, 0) / list.length;
    expect(mean(ends.get(0)!)).toBeLessThan(0.5 * mean(ends.get(1)!));
  });
});

describe('mistakes are named', () => {
  const failing = (config: Config) => expect(run(config)).rejects;

  test('unknown policy, GPU; a policy twice', async () => {
    await failing({ policy: ['vlm'] }).toThrow(/unknown policy "vlm"; did you mean vllm\?/);
    await failing({ gpu: 'a100' }).toThrow(UsageError);
    await failing({ policy: ['vllm', 'vllm'] }).toThrow(/vllm is named twice/);
  });

  test('a context that cannot be, prompts that cannot run whole, GPUs that do not divide the heads', async () => {
    await failing({ policy: ['vllm'], kv_slots: 512, max_model_len: 1024 }).toThrow(
      /--max-model-len 1024 does not fit/,
    );
    await failing({ policy: ['orca-max'], max_num_batched_tokens: 100 }).toThrow(/runs prompts whole/);
    await failing({ policy: ['vllm'], tensor_parallel: 3 }).toThrow(/does not divide the 40 attention heads/);
    await failing({ policy: ['vllm'], max_num_batched_tokens: 64 }).toThrow(/at least --max-num-seqs/);
    await failing({ policy: ['vllm'], gpu: 'rtx-4090' }).toThrow(/does not fit/);
  });

  test('what is no mistake is noted: a shorter context, rejected and cut requests', async () => {
    const { notes } = await run({ policy: ['deepspeed-static', 'vllm'], max_tokens: 20, replications: 1 });
    expect(notes.join('\n')).toMatch(/deepspeed-static: context 1024 tokens \(the model has 2048\)/);
    expect(notes.join('\n')).toMatch(/answers cut short/);
  });
});

test('policies of different contexts hear the same conversations', async () => {
  const config = completeConfig({
    policy: ['deepspeed-static', 'vllm'],
    workload: 'chat',
    users: 12,
    input_len: 500,
    replications: 1,
  });
  const heard: Record<string, number[]> = {};
  await runExperiment(config, {
    model: findModel(config.model)!,
    listener: policy => {
      const prompts: number[] = [];
      heard[policy] = prompts;
      return {
        detail: false,
        on(event) {
          if (event.type === 'arrived' && event.time === 0) prompts.push(event.request.promptTokens);
        },
      };
    },
  });
  expect(heard['vllm']).toHaveLength(12);
  expect(heard['deepspeed-static']).toEqual(heard['vllm']);
});
