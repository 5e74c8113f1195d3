import { expect, test } from 'vitest';
import { parseModelConfig } from '../../../src/backends/model/read-config.ts';
import { UsageError } from '../../../src/core/errors.ts';
import { configs } from './configs.ts';

const llama = configs['llama-2-7b'];
const llama3 = configs['llama-3.2-1b'];
const mistral = configs['mistral-7b-v0.1'];
const qwen2 = configs['qwen2.5-0.5b'];
const qwen3 = configs['qwen3-0.6b'];

const parse = (json: object, generation?: object) => parseModelConfig(json, 'it', generation);

test('Llama 2', () => {
  expect(parse(llama)).toEqual({
    architecture: 'LlamaForCausalLM',
    layers: 32,
    hidden: 4096,
    heads: 32,
    kvHeads: 32,
    headDim: 128,
    intermediate: 11008,
    vocab: 32000,
    maxModelLen: 4096,
    rmsNormEps: 1e-5,
    tiedEmbeddings: false,
    qkvBias: false,
    qkNorm: false,
    rope: { theta: 10_000 },
    eosTokenIds: [2],
    bosTokenId: 1,
  });
});

test('Llama 3.2 has scaled RoPE, in either spelling', () => {
  const scaling = {
    factor: 32,
    lowFreqFactor: 1,
    highFreqFactor: 4,
    originalMaxPositionEmbeddings: 8192,
  };
  expect(parse(llama3)).toMatchObject({
    kvHeads: 8,
    headDim: 64,
    tiedEmbeddings: true,
    rope: { theta: 500_000, scaling },
  });
  const { rope_scaling, rope_theta, ...rest } = llama3;
  expect(parse({ ...rest, rope_parameters: { ...rope_scaling, rope_theta } })).toEqual(parse(llama3));
  const { rope_type, ...old } = rope_scaling;
  expect(parse({ ...llama3, rope_scaling: { ...old, type: rope_type } })).toEqual(parse(llama3));
  expect(parse({ ...llama, rope_parameters: { rope_type: 'default', rope_theta: 20_000 } }).rope).toEqual({
    theta: 20_000,
  });
});

test('Mistral has a sliding window, a number or none', () => {
  expect(parse(mistral).slidingWindow).toBe(4096);
  expect(parse({ ...mistral, sliding_window: null })).not.toHaveProperty('slidingWindow');
  expect(parse({ ...mistral, sliding_window: 32768 })).not.toHaveProperty('slidingWindow');
});

test('Qwen2.5 has biases, Qwen3 norms of heads; the window of both is switched off', () => {
  expect(parse(qwen2)).toMatchObject({ qkvBias: true, qkNorm: false, headDim: 64, tiedEmbeddings: true });
  expect(parse(qwen3)).toMatchObject({ qkvBias: false, qkNorm: true, headDim: 128, heads: 16, hidden: 1024 });
  expect(parse(qwen2)).not.toHaveProperty('slidingWindow');
  const layered = { ...qwen3, layer_types: Array<string>(28).fill('full_attention') };
  expect(parse(layered)).toEqual(parse(qwen3));
});

test('the end of a sequence is as generation_config.json has it, else as config.json', () => {
  expect(parse(llama3).eosTokenIds).toEqual([128001]);
  expect(parse(llama3, { eos_token_id: [128001, 128008, 128009] }).eosTokenIds).toEqual([
    128001, 128008, 128009,
  ]);
  expect(parse(llama3, { temperature: 0.6 }).eosTokenIds).toEqual([128001]);
  expect(parse({ ...llama, eos_token_id: null, bos_token_id: null })).toMatchObject({
    eosTokenIds: [],
    bosTokenId: undefined,
  });
});

test('the architecture is found by either name', () => {
  const { architectures: _, ...unnamed } = qwen3;
  expect(parse(unnamed).architecture).toBe('Qwen3ForCausalLM');
  const { model_type: __, ...untyped } = mistral;
  expect(parse(untyped).architecture).toBe('MistralForCausalLM');
});

const supported = 'LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM';

test.each<[string, object, string]>([
  [
    'architecture',
    { ...llama, architectures: ['Gemma3ForCausalLM'] },
    `"Gemma3ForCausalLM" is not supported; supported are ${supported}`,
  ],
  [
    'mixture',
    { ...mistral, architectures: ['MixtralForCausalLM'], model_type: 'mixtral' },
    '"MixtralForCausalLM" (a mixture of experts) is not supported',
  ],
  ['mixture under another name', { ...mistral, num_local_experts: 8 }, 'num_local_experts is 8: a mixture'],
  ['nothing', {}, `no architecture is named, nor a known model_type; supported are ${supported}`],
  ['two names', { ...llama, model_type: 'mistral' }, 'goes with model_type "llama", not "mistral"'],
  [
    'quantization',
    { ...llama, quantization_config: { quant_method: 'gptq', bits: 4 } },
    'quantized weights ("gptq") are not supported; take the model with weights in float32',
  ],
  ['activation', { ...llama, hidden_act: 'gelu' }, 'hidden_act "gelu" is not supported, only "silu"'],
  [
    'rope',
    { ...qwen2, rope_scaling: { type: 'yarn', factor: 4, original_max_position_embeddings: 32768 } },
    'the rope type "yarn" is not supported; supported are "default" and "llama3"',
  ],
  [
    'half a rope',
    { ...llama3, rope_scaling: { rope_type: 'llama3', factor: 8 } },
    'In rope_scaling of the config.json of it, low_freq_factor is missing',
  ],
  ['attention bias', { ...llama, attention_bias: true }, 'attention_bias true is not supported'],
  ['partial rope', { ...llama, partial_rotary_factor: 0.5 }, 'partial_rotary_factor 0.5 is not supported'],
  ['mixed windows', { ...qwen2, use_sliding_window: true }, 'max_window_layers 21 of 24 layers'],
  [
    'mixed layers',
    { ...qwen3, layer_types: ['full_attention', 'sliding_attention'] },
    'layer_types has "sliding_attention" where "full_attention"',
  ],
  ['odd heads', { ...llama, head_dim: 127 }, 'head_dim 127 is odd'],
  ['end', { ...llama, eos_token_id: 32000 }, 'eos_token_id is 32000, but must be a token id from 0 to 31999'],
  ['eps', { ...llama, rms_norm_eps: 'small' }, 'rms_norm_eps is "small", but must be a number above 0'],
  ['missing', { ...llama, hidden_size: undefined }, 'hidden_size is missing'],
])('refused with its reason: %s', (_name, json, message) => {
  expect(() => parse(json)).toThrow(UsageError);
  expect(() => parse(json)).toThrow(message);
});

test('what is no object is refused', () => {
  expect(() => parseModelConfig([1], 'it')).toThrow('The config.json of it must hold an object, found [1]');
  expect(() => parseModelConfig(llama, 'it', 3)).toThrow(
    'The generation_config.json of it must hold an object',
  );
});
