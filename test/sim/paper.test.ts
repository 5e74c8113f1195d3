import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { completeConfig } from '../../src/sim/check-config.ts';
import { type Config, parseConfig } from '../../src/sim/config.ts';
import { runExperiment } from '../../src/sim/experiment.ts';
import { findModel } from '../../src/sim/models/catalogue.ts';

const file = 'experiments/01-static-vs-continuous/config.json';

async function run(overrides: Config) {
  const config = completeConfig({
    ...parseConfig(JSON.parse(readFileSync(file, 'utf8')), file),
    ...overrides,
  });
  const { results } = await runExperiment(config, { model: findModel(config.model)! });
  return Object.fromEntries(results.map(result => [result.policy, result]));
}

// Fig. 2 and Fig. 13a of the vLLM paper. Where the queue runs dry at the end, a run is a little below the figure.
test('experiment 01 reproduces the memory breakdown and the batches of the vLLM paper', async () => {
  const byPolicy = await run({ policy: ['orca-max', 'orca-pow2', 'orca-oracle', 'vllm'], replications: 2 });
  const near = (
    policy: string,
    batch: number,
    token: number,
    reserved: number,
    internal: number,
    rest: number,
  ) => {
    const { memory, mean_batch_size } = byPolicy[policy]!;
    expect(Math.abs(mean_batch_size / batch - 1), `${policy}: batch ${mean_batch_size}`).toBeLessThan(0.1);
    const found = [memory.token, memory.reserved, memory.internal, memory.external + memory.free];
    for (const [i, share] of [token, reserved, internal, rest].entries()) {
      expect(Math.abs(found[i]! * 100 - share), `${policy}: ${found}`).toBeLessThan(5);
    }
  };
  near('orca-max', 7, 20.4, 13.3, 57.3, 8.9);
  near('orca-pow2', 9.81, 26.8, 17.9, 13.6, 41.6);
  near('orca-oracle', 13.62, 38.2, 25.2, 0, 36.6);
  expect(Math.abs(byPolicy['vllm']!.mean_batch_size / 30.42 - 1)).toBeLessThan(0.1);
  expect(byPolicy['vllm']!.waste).toBeLessThan(0.04);
});

test('static batching wastes most of its memory, and continuous batching with paging serves many times its rate', async () => {
  const byPolicy = await run({ policy: ['hf-static', 'vllm'], num_prompts: 400, replications: 1 });
  expect(byPolicy['hf-static']!.waste).toBeGreaterThan(0.6);
  const ratio = byPolicy['vllm']!.request_throughput / byPolicy['hf-static']!.request_throughput;
  expect(ratio).toBeGreaterThan(8);
  expect(ratio).toBeLessThan(24);
});

test('a policy that is told to swap does, on any engine', async () => {
  const byPolicy = await run({ policy: ['vllm'], preemption: 'swap', num_prompts: 200, replications: 1 });
  expect(byPolicy['vllm']!.swaps).toBeGreaterThan(0);
  // The host takes 4 GiB; what finds no room there is computed again.
  expect(byPolicy['vllm']!.swaps).toBeGreaterThan(byPolicy['vllm']!.preemptions / 4);
});
