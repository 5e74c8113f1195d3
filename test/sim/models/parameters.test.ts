import { expect, test } from 'vitest';
import { findModel, models } from '../../../src/sim/models/catalogue.ts';
import { parameterCount } from '../../../src/sim/models/parameters.ts';

// Elements in the published safetensors files.
test.each([
  ['llama-7b', 6_738_415_616],
  ['llama-13b', 13_015_864_320],
  ['llama-2-7b', 6_738_415_616],
  ['llama-2-13b', 13_015_864_320],
  ['llama-2-70b', 68_976_648_192],
  ['llama-3.1-8b', 8_030_261_248],
  ['llama-3.1-70b', 70_553_706_496],
  ['llama-3.2-1b', 1_235_814_400],
  ['llama-3.2-3b', 3_212_749_824],
  ['mistral-7b', 7_241_732_096],
  ['mixtral-8x7b', 46_702_792_704],
  ['qwen2.5-0.5b', 494_032_768],
  ['qwen2.5-1.5b', 1_543_714_304],
  ['qwen2.5-3b', 3_085_938_688],
  ['qwen2.5-7b', 7_615_616_512],
  ['qwen2.5-14b', 14_770_033_664],
  ['qwen2.5-32b', 32_763_876_352],
  ['qwen2.5-72b', 72_706_203_648],
  ['qwen3-0.6b', 596_049_920],
  ['qwen3-8b', 8_190_735_360],
  ['qwen3-14b', 14_768_307_200],
  ['qwen3-32b', 32_762_123_264],
  ['qwen3-30b-a3b', 30_532_122_624],
])('%s has %d parameters', (name, total) => {
  expect(parameterCount(findModel(name)!).total).toBe(total);
});

test.each([
  ['opt-13b', 12.85e9, 0.005],
  ['opt-66b', 66e9, 0.01],
  ['opt-175b', 175e9, 0.01],
  ['qwen3-1.7b', 1.7e9, 0.02],
  ['qwen3-4b', 4e9, 0.02],
])('%s has about %d parameters', (name, total, tolerance) => {
  expect(Math.abs(parameterCount(findModel(name)!).total / total - 1)).toBeLessThan(tolerance);
});

test.each([
  ['mixtral-8x7b', 12.9e9],
  ['qwen3-30b-a3b', 3.3e9],
])('a token meets %d of %s', (name, active) => {
  expect(Math.abs(parameterCount(findModel(name)!).active / active - 1)).toBeLessThan(0.02);
});

test.each(models)('$name: the parts make the whole', model => {
  const { total, active, embedding, lmHead, perLayer } = parameterCount(model);
  const layer = perLayer.attention + perLayer.mlp + perLayer.norm + perLayer.router;
  const finalNorm = perLayer.norm / 2 - (model.qkNorm ? model.headDim : 0);
  expect(embedding + lmHead + model.layers * layer + finalNorm).toBe(total);
  if (!model.moe) expect(active).toBe(total);
  expect(lmHead).toBe(model.tiedEmbeddings ? 0 : model.vocab * model.hidden);
});

test('OPT counts biases, learned positions and LayerNorm, part by part', () => {
  const h = 5120;
  expect(parameterCount(findModel('opt-13b')!)).toEqual({
    total: 12_853_473_280,
    active: 12_853_473_280,
    embedding: (50_272 + 2050) * h,
    lmHead: 0,
    perLayer: { attention: 4 * (h * h + h), mlp: 8 * h * h + 4 * h + h, norm: 4 * h, router: 0 },
  });
});
