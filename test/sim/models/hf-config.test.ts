import { expect, test } from 'vitest';
import { UsageError } from '../../../src/core/errors.ts';
import { findModel } from '../../../src/sim/models/catalogue.ts';
import { modelFromHfConfig } from '../../../src/sim/models/hf-config.ts';
import type { Model } from '../../../src/sim/models/model.ts';

const llama2 = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 4096,
  intermediate_size: 11_008,
  max_position_embeddings: 4096,
  num_attention_heads: 32,
  num_hidden_layers: 32,
  num_key_value_heads: 32,
  pretraining_tp: 1,
  rope_scaling: null,
  tie_word_embeddings: false,
  vocab_size: 32_000,
};

const mistral = {
  model_type: 'mistral',
  hidden_size: 4096,
  intermediate_size: 14_336,
  max_position_embeddings: 32_768,
  num_attention_heads: 32,
  num_hidden_layers: 32,
  num_key_value_heads: 8,
  sliding_window: 4096,
  tie_word_embeddings: false,
  vocab_size: 32_000,
};

const mixtral = {
  ...mistral,
  model_type: 'mixtral',
  num_experts_per_tok: 2,
  num_local_experts: 8,
  sliding_window: null,
};

const qwen25 = {
  model_type: 'qwen2',
  hidden_size: 896,
  intermediate_size: 4864,
  max_position_embeddings: 32_768,
  max_window_layers: 21,
  num_attention_heads: 14,
  num_hidden_layers: 24,
  num_key_value_heads: 2,
  sliding_window: 32_768,
  tie_word_embeddings: true,
  use_sliding_window: false,
  vocab_size: 151_936,
};

const qwen3 = {
  model_type: 'qwen3',
  attention_bias: false,
  head_dim: 128,
  hidden_size: 1024,
  intermediate_size: 3072,
  max_position_embeddings: 40_960,
  max_window_layers: 28,
  num_attention_heads: 16,
  num_hidden_layers: 28,
  num_key_value_heads: 8,
  sliding_window: null,
  tie_word_embeddings: true,
  use_sliding_window: false,
  vocab_size: 151_936,
};

const qwen3Moe = {
  model_type: 'qwen3_moe',
  attention_bias: false,
  decoder_sparse_step: 1,
  head_dim: 128,
  hidden_size: 2048,
  intermediate_size: 6144,
  max_position_embeddings: 40_960,
  max_window_layers: 48,
  mlp_only_layers: [],
  moe_intermediate_size: 768,
  num_attention_heads: 32,
  num_experts: 128,
  num_experts_per_tok: 8,
  num_hidden_layers: 48,
  num_key_value_heads: 4,
  sliding_window: null,
  tie_word_embeddings: false,
  use_sliding_window: false,
  vocab_size: 151_936,
};

const opt = {
  model_type: 'opt',
  do_layer_norm_before: true,
  ffn_dim: 20_480,
  hidden_size: 5120,
  max_position_embeddings: 2048,
  num_attention_heads: 40,
  num_hidden_layers: 40,
  vocab_size: 50_272,
  word_embed_proj_dim: 5120,
};

function shape({ title, source, ...rest }: Model) {
  expect(title).not.toBe('');
  expect(source).not.toBe('');
  return rest;
}

test.each([
  ['llama-2-7b', llama2],
  ['mistral-7b', mistral],
  ['mixtral-8x7b', mixtral],
  ['qwen2.5-0.5b', qwen25],
  ['qwen3-0.6b', qwen3],
  ['qwen3-30b-a3b', qwen3Moe],
  ['opt-13b', opt],
])('%s is what its config.json says', (name, config) => {
  expect(shape(modelFromHfConfig(config, name))).toEqual(shape(findModel(name)!));
});

function without<T extends object>(config: T, ...keys: (keyof T)[]) {
  return Object.fromEntries(Object.entries(config).filter(([key]) => !keys.includes(key as keyof T)));
}

test.each([
  ['llama without kv heads', without(llama2, 'num_key_value_heads'), { kvHeads: 32 }],
  ['llama with kv heads null', { ...llama2, num_key_value_heads: null }, { kvHeads: 32 }],
  ['llama with head_dim null', { ...llama2, head_dim: null }, { headDim: 128 }],
  ['llama with its own head_dim', { ...llama2, head_dim: 64 }, { headDim: 64 }],
  ['llama without tying', without(llama2, 'tie_word_embeddings'), { tiedEmbeddings: false }],
  ['llama with a stray window', { ...llama2, sliding_window: 4096 }, { slidingWindow: undefined }],
  ['mistral without kv heads', without(mistral, 'num_key_value_heads'), { kvHeads: 8 }],
  ['mistral without a window', without(mistral, 'sliding_window'), { slidingWindow: 4096 }],
  ['mistral v0.2', { ...mistral, sliding_window: null }, { slidingWindow: undefined }],
  ['mixtral without a window', without(mixtral, 'sliding_window'), { slidingWindow: undefined }],
  [
    'qwen2 with the window on in all layers',
    { ...qwen25, use_sliding_window: true, max_window_layers: 0 },
    { slidingWindow: 32_768 },
  ],
  [
    'qwen2 with the window on in no layer',
    { ...qwen25, use_sliding_window: true, max_window_layers: 24 },
    { slidingWindow: undefined },
  ],
  ['qwen2 silent on the window', without(qwen25, 'use_sliding_window'), { slidingWindow: undefined }],
  ['qwen3 without head_dim', without(qwen3, 'head_dim'), { headDim: 128 }],
  [
    'qwen3_moe with the window on',
    { ...qwen3Moe, use_sliding_window: true, sliding_window: 512 },
    { slidingWindow: 512 },
  ],
  ['opt untied', { ...opt, tie_word_embeddings: false }, { tiedEmbeddings: false }],
])('%s takes the defaults of transformers', (_, config, expected) => {
  const model = modelFromHfConfig(config, 'test/model');
  for (const [key, value] of Object.entries(expected)) expect(model[key as keyof Model]).toBe(value);
});

const supported = 'llama, mistral, mixtral, qwen2, qwen3, qwen3_moe, opt';
const start = 'In the config.json of my/model, ';

test.each([
  ['null', null, 'The config.json of my/model must hold an object, found null.'],
  ['an array', [1], 'The config.json of my/model must hold an object, found [1].'],
  ['a string', 'llama', 'The config.json of my/model must hold an object, found "llama".'],
  ['nothing', undefined, 'The config.json of my/model must hold an object, found undefined.'],
  [
    'another architecture',
    { ...llama2, model_type: 'gpt2' },
    `${start}model_type "gpt2" is not supported; supported are ${supported}.`,
  ],
  ['no model_type', {}, `${start}model_type undefined is not supported; supported are ${supported}.`],
  [
    'a model_type that every object has',
    { ...llama2, model_type: 'constructor' },
    `${start}model_type "constructor" is not supported; supported are ${supported}.`,
  ],
  [
    'no hidden_size',
    without(llama2, 'hidden_size'),
    `${start}hidden_size is missing, but must be a positive integer.`,
  ],
  [
    '0 layers',
    { ...llama2, num_hidden_layers: 0 },
    `${start}num_hidden_layers is 0, but must be a positive integer.`,
  ],
  [
    '-1 heads',
    { ...llama2, num_attention_heads: -1 },
    `${start}num_attention_heads is -1, but must be a positive integer.`,
  ],
  [
    'half a token',
    { ...llama2, vocab_size: 0.5 },
    `${start}vocab_size is 0.5, but must be a positive integer.`,
  ],
  [
    'a text',
    { ...llama2, intermediate_size: '11008' },
    `${start}intermediate_size is "11008", but must be a positive integer.`,
  ],
  [
    'infinity',
    { ...llama2, max_position_embeddings: Infinity },
    `${start}max_position_embeddings is Infinity, but must be a positive integer.`,
  ],
  [
    'NaN',
    { ...mistral, sliding_window: NaN },
    `${start}sliding_window is NaN, but must be a positive integer.`,
  ],
  ['a null width', { ...opt, ffn_dim: null }, `${start}ffn_dim is null, but must be a positive integer.`],
  [
    'something long',
    { ...llama2, vocab_size: 'x'.repeat(200) },
    `${start}vocab_size is "${'x'.repeat(98)}…", but must be a positive integer.`,
  ],
  [
    'a number for a flag',
    { ...llama2, tie_word_embeddings: 1 },
    `${start}tie_word_embeddings is 1, but must be true or false.`,
  ],
  [
    'heads that do not divide hidden',
    { ...llama2, num_attention_heads: 30 },
    `${start}hidden_size 4096 is not a multiple of num_attention_heads 30, and head_dim is not given.`,
  ],
  [
    'the same in OPT',
    { ...opt, num_attention_heads: 33 },
    `${start}hidden_size 5120 is not a multiple of num_attention_heads 33, and head_dim is not given.`,
  ],
  [
    'kv heads that do not divide heads',
    { ...llama2, num_key_value_heads: 5 },
    `${start}num_attention_heads 32 is not a multiple of num_key_value_heads 5.`,
  ],
  [
    'attention biases',
    { ...llama2, attention_bias: true },
    `${start}attention_bias true is not supported, only false.`,
  ],
  ['MLP biases', { ...llama2, mlp_bias: true }, `${start}mlp_bias true is not supported, only false.`],
  [
    'OPT-350M',
    { ...opt, word_embed_proj_dim: 512 },
    `${start}word_embed_proj_dim 512 is not supported, only 5120.`,
  ],
  [
    'norms after the layers',
    { ...opt, do_layer_norm_before: false },
    `${start}do_layer_norm_before false is not supported, only true.`,
  ],
  [
    'more active experts than there are',
    { ...mixtral, num_experts_per_tok: 9 },
    `${start}num_experts_per_tok 9 is more than num_local_experts 8.`,
  ],
  [
    'dense layers among experts',
    { ...qwen3Moe, mlp_only_layers: [0] },
    `${start}mlp_only_layers [0] is not supported: every layer must have experts.`,
  ],
  [
    'experts in every second layer',
    { ...qwen3Moe, decoder_sparse_step: 2 },
    `${start}decoder_sparse_step 2 is not supported, only 1.`,
  ],
  [
    'a window in some layers',
    { ...qwen25, use_sliding_window: true },
    `${start}max_window_layers 21 of 24 layers is not supported: all layers or none may have a sliding window.`,
  ],
  [
    'a negative number of layers',
    { ...qwen25, use_sliding_window: true, max_window_layers: -1 },
    `${start}max_window_layers is -1, but must be an integer of 0 or more.`,
  ],
])('%s is refused', (_, config, message) => {
  const attempt = () => modelFromHfConfig(config, 'my/model');
  expect(attempt).toThrow(UsageError);
  expect(attempt).toThrow(new UsageError(message));
});
