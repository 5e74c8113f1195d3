import { describe, expect, test } from 'vitest';
import { policies } from '../../src/core/policies/registry.ts';
import { completeConfig } from '../../src/sim/check-config.ts';
import { parseConfig } from '../../src/sim/config.ts';
import { runExperiment } from '../../src/sim/experiment.ts';
import { findModel } from '../../src/sim/models/catalogue.ts';
import { meanOf } from '../../src/sim/statistics.ts';
import { record } from '../../src/trace/record.ts';
import { named } from '../support/sim-policies.ts';
import { recordDrive } from './recorded-drive.ts';

const model = findModel('llama-13b')!;

describe.each(policies.map(({ name }) => name))('%s', name => {
  test('a recording is the run that the experiment reports', async () => {
    const config = { seed: 5, num_prompts: 60, request_rate: 3, max_model_len: 1024 } as const;
    const { results } = await runExperiment(completeConfig({ ...config, policy: [name], replications: 1 }), {
      model,
    });
    const { requests, steps, decisions, work } = await record(config, name, { model });
    const result = results[0]!;
    const done = requests.filter(({ end }) => end === 'finished');
    expect(done).toHaveLength(result.completed);
    expect(requests.filter(({ end }) => end === 'rejected')).toHaveLength(result.failed);
    const mean = (of: (request: (typeof done)[number]) => number) => 1000 * meanOf(done.map(of));
    // The API path of an engine is the client's to wait for, not the run's.
    expect(mean(({ firstToken, arrival }) => firstToken - arrival)).toBeCloseTo(result.mean_ttft_ms, 6);
    expect(mean(({ finished, arrival }) => finished - arrival)).toBeCloseTo(result.mean_e2el_ms, 6);
    expect(requests.reduce((sum, { preemptions }) => sum + preemptions, 0)).toBe(result.preemptions);
    expect(decisions.filter(({ type }) => type === 'preempted')).toHaveLength(result.preemptions);
    // What bound a step adds up to its time.
    for (let step = 0; step < steps.count; step += 97) {
      const bound = steps.compute[step]! + steps.bandwidth[step]! + steps.overhead[step]!;
      expect(bound / (steps.end[step]! - steps.time[step]!)).toBeCloseTo(1, 4);
    }
    expect(work.start.at(-1)).toBe(work.request.length);
  });
});

test('the config of a recording can be run again, and gives the same', async () => {
  const config = { seed: 2, num_prompts: 30, block_size: 32, gpu: 'a100-80g' } as const;
  const first = await record({ ...config, policy: ['hf-static', 'vllm'] }, 'vllm', { model });
  expect(first.config).toMatchObject({ policy: ['vllm'], seed: 2, num_prompts: 30, block_size: 32 });
  expect(first.memory.blockSize).toBe(32);
  const again = await record(parseConfig(JSON.parse(JSON.stringify(first.config)), 'it'), 'vllm', { model });
  expect(again).toEqual(first);
});

describe('decisions say why', () => {
  const ask = (more: object) => ({ gap: 0, prompt: 6, maxTokens: 8, outputs: [8], ...more });
  const said = (policy: string, asks: object[], limits: object) =>
    recordDrive(named(policy), {
      asks: asks.map(ask),
      blocks: 6,
      blockSize: 4,
      ...limits,
    }).recording.decisions.map(({ step, type, request, reason }) => `${step} ${request} ${type}: ${reason}`);

  test('memory runs out: who waits, who yields, and to whom', () => {
    expect(said('vllm', [{}, {}, { gap: 1 }], {})).toMatchInlineSnapshot(`
      [
        "0 0 arrived: a prompt of 6 tokens",
        "0 1 arrived: a prompt of 6 tokens",
        "0 0 admitted: waited 0.000 s; 6 tokens to compute",
        "0 1 admitted: waited 0.000 s; 6 tokens to compute",
        "1 2 arrived: a prompt of 6 tokens",
        "1 2 admitted: waited 0.000 s; 6 tokens to compute",
        "3 2 preempted: request 0 needs 1 block, 0 free: 7 tokens will be computed again",
        "3 2 blocked: a request was preempted in this step: its memory is for those that run",
        "4 2 blocked: needs 2 blocks, 0 free",
        "7 1 preempted: request 0 needs 1 block, 0 free: 12 tokens will be computed again",
        "7 1 blocked: a request was preempted in this step: its memory is for those that run",
        "8 0 finished: 8 tokens generated",
        "8 1 admitted: comes back; 13 tokens to compute again",
        "8 2 admitted: comes back; 8 tokens to compute again",
        "9 1 finished: 8 tokens generated",
        "14 2 finished: 8 tokens generated",
      ]
    `);
  });

  test('a static batch, a full one, a client who leaves, a prompt too long', () => {
    const asks = [{ outputs: [3] }, { outputs: [5] }, { gap: 1, abortAfter: 2 }, { prompt: 80 }];
    expect(said('hf-static', asks, { blocks: 300, maxModelLen: 64 })).toMatchInlineSnapshot(`
      [
        "0 0 arrived: a prompt of 6 tokens",
        "0 1 arrived: a prompt of 6 tokens",
        "0 0 admitted: waited 0.000 s; 6 tokens to compute",
        "0 1 admitted: waited 0.000 s; 6 tokens to compute",
        "1 2 arrived: a prompt of 6 tokens",
        "1 3 arrived: a prompt of 80 tokens",
        "1 3 rejected: prompt of 80 tokens, the context is 64",
        "1 2 blocked: the batch is not done: 2 requests of it still run",
        "3 2 aborted: the client hung up after 0 tokens",
        "5 0 finished: 3 tokens generated",
        "5 1 finished: 5 tokens generated",
      ]
    `);
    expect(said('vllm', [{ outputs: [2] }, { outputs: [1] }], { maxNumSeqs: 1 })).toMatchInlineSnapshot(`
      [
        "0 0 arrived: a prompt of 6 tokens",
        "0 1 arrived: a prompt of 6 tokens",
        "0 0 admitted: waited 0.000 s; 6 tokens to compute",
        "0 1 blocked: the batch is full: it has room for 1 sequence",
        "2 0 finished: 2 tokens generated",
        "2 1 admitted: waited 2.000 s; 6 tokens to compute",
        "3 1 finished: 1 token generated",
      ]
    `);
  });

  test('samples share a prompt until they differ, and a prefix is found again', () => {
    expect(said('vllm', [{ outputs: [3, 3] }], { blocks: 12 })).toMatchInlineSnapshot(`
      [
        "0 0 arrived: a prompt of 6 tokens, 2 samples",
        "0 0 admitted: waited 0.000 s; 6 tokens to compute",
        "0 0 forked: sequence 1 shares all of sequence 0's blocks",
        "1 0 copied: block 1 is shared: copied to block 2 before it is written",
        "3 0 finished: 3 tokens generated",
      ]
    `);
    const same = [
      { prompt: 10, text: 1, outputs: [1] },
      { gap: 2, prompt: 10, text: 1, outputs: [1] },
    ];
    expect(said('vllm', same, {})).toMatchInlineSnapshot(`
      [
        "0 0 arrived: a prompt of 10 tokens",
        "0 0 admitted: waited 0.000 s; 10 tokens to compute",
        "1 0 finished: 1 token generated",
        "1 1 arrived: a prompt of 10 tokens",
        "1 1 admitted: waited 0.000 s; 8 of 10 tokens found in the prefix cache",
        "2 1 finished: 1 token generated",
      ]
    `);
  });
});
