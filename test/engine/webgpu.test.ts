import { afterEach, expect, test } from 'vitest';
import type { ModelRunner } from '../../src/backends/model-runner.ts';
import { LLM, type LlmOptions } from '../../src/engine/llm.ts';
import { openSoftwareGpu } from '../backends/webgpu/software-gpu.ts';
import { openStories, storiesFolder } from '../support/stories.ts';

const { golden } = openStories();
let llm: LLM | undefined;

afterEach(() => {
  llm?.dispose();
  llm = undefined;
});

async function load(options: Partial<LlmOptions>): Promise<LLM> {
  // Says what to do where there is no software GPU.
  (await openSoftwareGpu()).destroy();
  const small = { maxModelLen: 128, maxNumSeqs: 8, numBlocks: 64 };
  return await LLM.load({ model: storiesFolder, backend: 'webgpu', dtype: 'f32', ...small, ...options });
}

const lengths = [1, 30, 17, 60];
const prompts = lengths.map(length => ({
  promptTokenIds: [...golden.prompt_token_ids, ...golden.greedy_token_ids].slice(0, length),
}));

/** Most batches that the runner had at once, from now on. */
function inFlight(runner: ModelRunner): () => number {
  let now = 0;
  let most = 0;
  const run = runner.run;
  runner.run = async batch => {
    most = Math.max(most, ++now);
    return await run(batch).finally(() => now--);
  };
  return () => most;
}

test.each<[string, number, Partial<LlmOptions>]>([
  ['vllm', 2, { numBlocks: 10, maxNumSeqs: 4, maxNumBatchedTokens: 24 }],
  ['hf-static', 2, {}],
  ['sglang', 2, { numBlocks: 700 }],
])('on a GPU, %s, %i steps in flight, %j tells the known story', async (policy, flying, options) => {
  llm = await load({ policy, ...options });
  const deepest = inFlight(llm.engine.runner);
  const outputs = await llm.generate(prompts, { temperature: 0, maxTokens: 24 });
  for (const [i, { outputs: samples }] of outputs.entries()) {
    const from = lengths[i]! - golden.prompt_token_ids.length;
    expect(samples[0]!.tokenIds).toEqual(golden.greedy_token_ids.slice(from, from + 24));
  }
  expect(deepest()).toBe(flying);
});

test('on a GPU, a seed draws what it draws on the reference, filtered or not', async () => {
  const params = [
    { temperature: 0.9, seed: 5, maxTokens: 20, n: 2 },
    { temperature: 0.8, seed: 6, maxTokens: 20, topP: 0.9, topK: 30 },
    { temperature: 0, maxTokens: 20, repetitionPenalty: 1.3 },
    { temperature: 1, seed: 7, maxTokens: 20, logprobs: 3, minTokens: 20 },
  ];
  llm = await load({});
  const found = await llm.generate(prompts, params);
  llm.dispose();
  llm = await LLM.load({ model: storiesFolder, backend: 'reference', numBlocks: 64 });
  const expected = await llm.generate(prompts, params);
  const tokens = (outputs: typeof found) =>
    outputs.map(({ outputs: all }) => all.map(({ tokenIds }) => tokenIds));
  expect(tokens(found)).toEqual(tokens(expected));
});
