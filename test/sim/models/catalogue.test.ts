import { expect, test } from 'vitest';
import { findModel, models } from '../../../src/sim/models/catalogue.ts';
import { kvBytesPerToken } from '../../../src/sim/models/model.ts';

test('names are unique, and found in any case', () => {
  expect(new Set(models.map(model => model.name)).size).toBe(models.length);
  expect(new Set(models.map(model => model.title)).size).toBe(models.length);
  for (const model of models) expect(findModel(model.name)).toBe(model);
  expect(findModel('Llama-2-7B')?.title).toBe('meta-llama/Llama-2-7b-hf');
  expect(findModel('llama-2-8b')).toBeUndefined();
});

test('lists the models of the papers and of today', () => {
  const names = `llama-7b llama-13b llama-2-7b llama-2-13b llama-2-70b llama-3.1-8b llama-3.1-70b llama-3.2-1b
    llama-3.2-3b opt-13b opt-66b opt-175b mistral-7b mixtral-8x7b qwen2.5-0.5b qwen2.5-1.5b qwen2.5-3b qwen2.5-7b
    qwen2.5-14b qwen2.5-32b qwen2.5-72b qwen3-0.6b qwen3-1.7b qwen3-4b qwen3-8b qwen3-14b qwen3-32b qwen3-30b-a3b`;
  expect(models.map(model => model.name)).toEqual(names.split(/\s+/));
});

test.each(models)('$name: the shape holds together', model => {
  const counts = [
    model.layers,
    model.hidden,
    model.heads,
    model.kvHeads,
    model.headDim,
    model.intermediate,
    model.vocab,
    model.maxModelLen,
  ];
  for (const count of counts) expect(Number.isInteger(count) && count > 0).toBe(true);
  expect(model.heads % model.kvHeads).toBe(0);
  expect(model.headDim).toBeOneOf([64, 128]);
  expect(model.moe?.intermediate ?? model.intermediate).toBe(model.intermediate);
  expect(model.source).not.toBe('');
  expect(model.source).not.toMatch(/https?:/);
});

test('KV bytes of a token are those the vLLM paper gives for OPT-13B', () => {
  // Section 3: 2 × 5120 × 40 × 2 bytes = 800 KB.
  expect(kvBytesPerToken(findModel('opt-13b')!, 2)).toBe(800 * 1024);
});
