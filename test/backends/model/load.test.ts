import { readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadModel } from '../../../src/backends/model/load.ts';
import { toF32 } from '../../../src/backends/model/to-f32.ts';
import { UsageError } from '../../../src/core/errors.ts';
import { storiesFolder } from '../../support/stories.ts';
import { folder, type Given, safetensors, write } from './safetensors-file.ts';

/** A copy of stories260K that may be spoilt. */
function copy(): string {
  const place = folder();
  for (const name of [
    'config.json',
    'generation_config.json',
    'model.safetensors',
    'tokenizer.json',
    'tokenizer_config.json',
  ]) {
    write(join(place, name), readFileSync(join(storiesFolder, name)));
  }
  return place;
}

function change(place: string, name: string, changes: object): void {
  const json = JSON.parse(readFileSync(join(place, name), 'utf8'));
  write(join(place, name), JSON.stringify({ ...json, ...changes }));
}

test('stories260K loads', async () => {
  const { config, weights, tokenizer, folder: place } = await loadModel(storiesFolder);
  expect(place).toBe(storiesFolder);
  expect(config).toMatchObject({
    architecture: 'LlamaForCausalLM',
    layers: 5,
    vocab: 512,
    headDim: 8,
    tiedEmbeddings: true,
    bosTokenId: 1,
    eosTokenIds: [1, 2],
  });
  expect(tokenizer.size).toBe(512);
  const embedding = await weights.read('model.embed_tokens.weight');
  expect(embedding.shape).toEqual([512, 64]);
  const values = toF32(embedding);
  expect(values.every(Number.isFinite)).toBe(true);
  expect(values.some(value => value !== 0)).toBe(true);
  await weights.close();
});

test('the end of sequence of the tokenizer counts too', async () => {
  const place = copy();
  rmSync(join(place, 'generation_config.json'));
  change(place, 'config.json', { eos_token_id: 5 });
  const { config, weights } = await loadModel(place);
  expect(config.eosTokenIds).toEqual([5, 2]);
  await weights.close();
});

test('shards with their index give what the one file gives', async () => {
  const place = copy();
  const whole = await loadModel(storiesFolder);
  const given: Given[] = [];
  for (const name of whole.weights.names) {
    const tensor = await whole.weights.read(name);
    given.push({ ...tensor, name, bytes: tensor.bytes.slice() });
  }
  await whole.weights.close();
  rmSync(join(place, 'model.safetensors'));
  const map: Record<string, string> = {};
  for (const [i, part] of [given.slice(0, 20), given.slice(20)].entries()) {
    const name = `model-0000${i + 1}-of-00002.safetensors`;
    write(join(place, name), safetensors(part));
    for (const tensor of part) map[tensor.name] = name;
  }
  const index = join(place, 'model.safetensors.index.json');
  write(index, JSON.stringify({ metadata: {}, weight_map: map }));
  const { weights } = await loadModel(place);
  for (const { name, bytes } of given)
    expect(Buffer.compare((await weights.read(name)).bytes, bytes)).toBe(0);
  await weights.close();

  rmSync(index);
  const unindexed = await loadModel(place);
  expect(unindexed.weights.names.length).toBe(given.length);
  await unindexed.weights.close();

  write(
    index,
    JSON.stringify({ weight_map: { ...map, 'lm_head.weight': 'model-00003-of-00003.safetensors' } }),
  );
  await expect(loadModel(place)).rejects.toThrow('model-00003-of-00003.safetensors: no such file');
  write(index, JSON.stringify({ weight_map: { x: '../model.safetensors' } }));
  await expect(loadModel(place)).rejects.toThrow(
    '"../model.safetensors", but must be a safetensors file beside it',
  );
  write(index, '{}');
  await expect(loadModel(place)).rejects.toThrow('weight_map is missing');
});

test.each<[string, (place: string) => void, string]>([
  ['no config', place => rmSync(join(place, 'config.json')), 'has no config.json'],
  ['config cut off', place => write(join(place, 'config.json'), '{"a":'), 'config.json: not JSON'],
  [
    'no tokenizer',
    place => renameSync(join(place, 'tokenizer.json'), join(place, 'tokenizer.model')),
    'has no tokenizer.json, only tokenizer.model',
  ],
  [
    'tokenizer too large',
    place => change(place, 'config.json', { vocab_size: 500 }),
    'does not match the model: it has token ids up to 511',
  ],
  [
    'other weights',
    place => change(place, 'config.json', { num_hidden_layers: 6 }),
    'The weights lack model.layers.5.input_layernorm.weight [64]',
  ],
  [
    'other shapes',
    place => change(place, 'config.json', { intermediate_size: 173 }),
    'mlp.gate_proj.weight is [172, 64], but LlamaForCausalLM',
  ],
  ['untied', place => change(place, 'config.json', { tie_word_embeddings: false }), 'lack lm_head.weight'],
  [
    'cut off',
    place =>
      write(
        join(place, 'model.safetensors'),
        readFileSync(join(storiesFolder, 'model.safetensors')).subarray(0, 900_000),
      ),
    'cut off: it has 900000 of 1044992 bytes',
  ],
  [
    'pickles',
    place => renameSync(join(place, 'model.safetensors'), join(place, 'pytorch_model.bin')),
    'has no weights as safetensors, only pytorch_model.bin',
  ],
])('a folder that is not right: %s', async (_name, spoil, message) => {
  const place = copy();
  spoil(place);
  await expect(loadModel(place)).rejects.toThrow(UsageError);
  await expect(loadModel(place)).rejects.toThrow(message);
  await expect(loadModel(place)).rejects.toThrow(place);
});

test('no folder', async () => {
  await expect(loadModel(join(folder(), 'absent'))).rejects.toThrow('absent: no such folder');
});
