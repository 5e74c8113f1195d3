import { resolve } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { BackendName } from '../../../src/engine/create-runner.ts';
import { LLM } from '../../../src/engine/llm.ts';
import { openSoftwareGpu } from '../../backends/webgpu/software-gpu.ts';
import { cases } from './cases.ts';

const model = resolve(import.meta.dirname, '../../../models/quire-stories');
let llm: LLM | undefined;

afterEach(() => {
  llm?.dispose();
  llm = undefined;
});

async function load(backend: BackendName): Promise<LLM> {
  const limits = { maxModelLen: 128, maxNumSeqs: 8, numBlocks: 96 };
  return await LLM.load({
    model,
    backend,
    ...(backend === 'webgpu' && { dtype: 'f32' as const }),
    ...limits,
  });
}

test('on a GPU structures hold, beside rows that are drawn freely, and draw what they draw on the reference', async () => {
  // Says what to do where there is no software GPU.
  (await openSoftwareGpu()).destroy();
  const free = { temperature: 0, maxTokens: 12 };
  const params = [
    ...cases.map(({ structure }, seed) => ({ structure, seed, maxTokens: 48 })),
    free,
    { structure: cases[2]!.structure, temperature: 0, maxTokens: 20 },
    { structure: cases[1]!.structure, n: 2, seed: 9, topK: 40, logprobs: 2, maxTokens: 24 },
    { seed: 5, maxTokens: 12 },
  ];
  const prompts = params.map((_, i) => `Once upon a time ${'the fox '.repeat(i)}`);
  llm = await load('webgpu');
  const found = await llm.generate(prompts, params);
  const [alone] = await llm.generate([prompts[3]!], [free]);
  expect(found[3]!.outputs[0]!.tokenIds).toEqual(alone!.outputs[0]!.tokenIds);
  llm.dispose();
  llm = await load('reference');
  const expected = await llm.generate(prompts, params);
  const tokens = (outputs: typeof found) =>
    outputs.map(({ outputs: samples }) => samples.map(({ tokenIds }) => tokenIds));
  expect(tokens(found)).toEqual(tokens(expected));
  const fits = [...cases, undefined, cases[2], cases[1], undefined].map(entry => entry?.fits);
  const ended = found.flatMap(({ outputs: samples }, i) =>
    samples.flatMap(({ text, finishReason }) =>
      fits[i] && finishReason === 'stop' ? [[text, fits[i](text)]] : [],
    ),
  );
  expect(ended.length).toBeGreaterThanOrEqual(4);
  expect(ended.filter(([, fit]) => !fit)).toEqual([]);
});
