import { expect, test } from 'vitest';
import { completeConfig } from '../../../src/sim/check-config.ts';
import type { Config } from '../../../src/sim/config.ts';
import { runExperiment } from '../../../src/sim/experiment.ts';
import { findModel } from '../../../src/sim/models/catalogue.ts';

/** Output tokens a second with everything offered at once: the "max load" of TensorRT-LLM's tables. */
async function outputThroughput(config: Partial<Config> & { model: string; gpu: string }): Promise<number> {
  const full = completeConfig({
    policy: ['vllm'],
    workload: 'fixed',
    max_tokens: 'exact',
    request_rate: 'inf',
    replications: 1,
    prefix_caching: 'off',
    ...config,
  });
  const { results } = await runExperiment(full, { model: findModel(config.model)! });
  return results[0]!.output_throughput;
}

// TensorRT-LLM performance overview: v0.10 (Llama-2-7B, A100 fp16) and v0.17 (Llama-3.1-8B).
test.each([
  ['llama-2-7b', 'a100-80g', 2048, 128, 586, 200],
  ['llama-2-7b', 'a100-80g', 128, 128, 5304, 1500],
  ['llama-3.1-8b', 'a100-80g', 2048, 128, 800, 200],
  ['llama-3.1-8b', 'a100-80g', 128, 128, 6627, 2000],
  ['llama-3.1-8b', 'a100-80g', 1000, 1000, 3787, 400],
] as const)(
  '%s on %s, %i in, %i out: about %i tokens a second, within 40 %%',
  async (model, gpu, input, output, published, count) => {
    const found = await outputThroughput({
      model,
      gpu,
      input_len: input,
      output_len: output,
      num_prompts: count,
      max_model_len: 4096,
      max_num_seqs: 512,
      max_num_batched_tokens: 4096,
    });
    expect(found / published).toBeGreaterThan(0.6);
    expect(found / published).toBeLessThan(1.4);
  },
);
