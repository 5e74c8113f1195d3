import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ModelConfig } from '../../../src/backends/model/config.ts';
import { expectedTensors, requireTensors } from '../../../src/backends/model/expected-tensors.ts';
import { parseModelConfig } from '../../../src/backends/model/read-config.ts';
import { openSafetensors } from '../../../src/backends/model/safetensors.ts';
import { modelFromHfConfig } from '../../../src/sim/models/hf-config.ts';
import { parameterCount } from '../../../src/sim/models/parameters.ts';
import { configs } from './configs.ts';
import { folder, type Given, safetensors, write } from './safetensors-file.ts';

const elements = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1);

test.each(Object.entries(configs))('%s has as many weights as the simulator counts', (name, json) => {
  const tensors = expectedTensors(parseModelConfig(json, name));
  const total = tensors.reduce((sum, { shape }) => sum + elements(shape), 0);
  expect(total).toBe(parameterCount(modelFromHfConfig(json, name)).total);
  expect(new Set(tensors.map(tensor => tensor.name)).size).toBe(tensors.length);
});

test('published totals', () => {
  const total = (name: keyof typeof configs) =>
    expectedTensors(parseModelConfig(configs[name], name)).reduce((sum, t) => sum + elements(t.shape), 0);
  expect(total('llama-2-7b')).toBe(6_738_415_616);
  expect(total('llama-3.2-1b')).toBe(1_235_814_400);
  expect(total('mistral-7b-v0.1')).toBe(7_241_732_096);
  expect(total('qwen2.5-0.5b')).toBe(494_032_768);
});

const tiny: ModelConfig = {
  architecture: 'Qwen2ForCausalLM',
  layers: 2,
  hidden: 4,
  heads: 2,
  kvHeads: 1,
  headDim: 2,
  intermediate: 6,
  vocab: 10,
  maxModelLen: 16,
  rmsNormEps: 1e-6,
  tiedEmbeddings: false,
  qkvBias: true,
  qkNorm: false,
  rope: { theta: 10_000 },
  eosTokenIds: [],
  bosTokenId: undefined,
};

const given: readonly Given[] = expectedTensors(tiny).map(({ name, shape }) => ({
  name,
  shape,
  dtype: 'BF16',
  bytes: new Uint8Array(2 * elements(shape)),
}));

/** What is said about such weights; undefined when nothing. */
async function said(tensors: readonly Given[], config = tiny): Promise<string | undefined> {
  const path = write(join(folder(), 'm.safetensors'), safetensors(tensors));
  const weights = await openSafetensors([path]);
  try {
    requireTensors(weights, config);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    await weights.close();
  }
}

test('all there; more does not matter', async () => {
  expect(await said(given)).toBeUndefined();
  expect(await said(given, { ...tiny, tiedEmbeddings: true })).toBeUndefined();
});

test('every tensor is missed by name, with the shape it should have', async () => {
  for (const { name, shape } of given) {
    const text = await said(given.filter(tensor => tensor.name !== name));
    expect(text).toContain(
      `The weights lack ${name} [${shape.join(', ')}] of the 27 tensors of Qwen2ForCausalLM.`,
    );
  }
  expect(await said(given.filter(({ name }) => name !== 'lm_head.weight'))).toContain(
    '"tie_word_embeddings": true',
  );
  expect(await said(given.filter(({ name }) => !name.startsWith('model.layers.1')))).toContain(
    'model.layers.1.self_attn.k_proj.weight [2, 4] and 9 more',
  );
});

test('another shape or type', async () => {
  const other = given.map(tensor =>
    tensor.name === 'model.norm.weight' ? { ...tensor, shape: [2, 2] } : tensor,
  );
  expect(await said(other)).toContain('The tensor model.norm.weight is [2, 2], but Qwen2ForCausalLM');
  const f8 = given.map(tensor =>
    tensor.name === 'model.layers.0.mlp.up_proj.weight' ? { ...tensor, dtype: 'I16' } : tensor,
  );
  expect(await said(f8)).toContain(
    'model.layers.0.mlp.up_proj.weight is of type I16; supported are F32, F16, BF16',
  );
});
