import { quoted } from '../../core/errors.ts';
import { modelFromHfConfig } from '../../sim/models/hf-config.ts';
import type { ModelConfig, Rope } from './config.ts';
import { ConfigFields } from './config-fields.ts';

/** The architectures whose forward pass the backends know, and how `model_type` calls them. */
const architectures = {
  LlamaForCausalLM: 'llama',
  MistralForCausalLM: 'mistral',
  Qwen2ForCausalLM: 'qwen2',
  Qwen3ForCausalLM: 'qwen3',
} as const;

type Architecture = keyof typeof architectures;

/**
 * What a model is, from its parsed `config.json`; what the file leaves out is as the transformers library has it.
 *
 * @param source Whose config.json it is, for messages: a folder, or a model of the hub.
 * @param generation The parsed `generation_config.json`, where there is one: its end-of-sequence ids come first.
 * @throws UsageError for what is not supported, missing or makes no sense.
 */
export function parseModelConfig(json: unknown, source: string, generation?: unknown): ModelConfig {
  const fields = new ConfigFields(json, `the config.json of ${source}`);
  const architecture = architectureOf(fields);
  refuseVariants(fields);
  const shape = modelFromHfConfig({ ...fields.values, model_type: architectures[architecture] }, source);
  if (shape.headDim % 2 !== 0) throw fields.error(`head_dim ${shape.headDim} is odd, and RoPE turns pairs`);
  checkLayerTypes(fields, shape.slidingWindow !== undefined);
  const ends = generation === undefined ? undefined : endsOf(generation, source, shape.vocab);
  const [bosTokenId] = fields.tokenIds('bos_token_id', shape.vocab);
  // A window that no context outgrows hides nothing.
  const window = shape.slidingWindow ?? shape.maxModelLen;
  return {
    architecture,
    layers: shape.layers,
    hidden: shape.hidden,
    heads: shape.heads,
    kvHeads: shape.kvHeads,
    headDim: shape.headDim,
    intermediate: shape.intermediate,
    vocab: shape.vocab,
    maxModelLen: shape.maxModelLen,
    rmsNormEps: fields.positive('rms_norm_eps', 1e-6),
    tiedEmbeddings: shape.tiedEmbeddings,
    qkvBias: shape.bias === 'qkv',
    qkNorm: shape.qkNorm,
    ...(window < shape.maxModelLen && { slidingWindow: window }),
    rope: ropeOf(fields),
    eosTokenIds: ends ?? fields.tokenIds('eos_token_id', shape.vocab),
    bosTokenId,
  };
}

function architectureOf(fields: ConfigFields): Architecture {
  const named = fields.get('architectures');
  const type = fields.get('model_type');
  const supported = Object.keys(architectures).join(', ');
  if (Array.isArray(named) && named.length > 0) {
    const found = named.find(isArchitecture);
    if (found && (type === undefined || type === architectures[found])) return found;
    if (found) {
      throw fields.error(
        `the architecture ${found} goes with model_type "${architectures[found]}", not ${quoted(type)}`,
      );
    }
    const experts = /moe|mixtral/i.test(named.join()) ? ' (a mixture of experts)' : '';
    const names = named.map(quoted).join(', ');
    throw fields.error(`the architecture ${names}${experts} is not supported; supported are ${supported}`);
  }
  const known = Object.keys(architectures).filter(isArchitecture);
  const found = known.find(name => architectures[name] === type);
  if (found) return found;
  throw fields.error(`no architecture is named, nor a known model_type; supported are ${supported}`);
}

function isArchitecture(name: unknown): name is Architecture {
  return typeof name === 'string' && Object.hasOwn(architectures, name);
}

/** What would load and compute something else. */
function refuseVariants(fields: ConfigFields): void {
  const quantization = fields.get('quantization_config') ?? fields.get('compression_config');
  if (quantization !== undefined && quantization !== null) {
    const method = (quantization as Record<string, unknown>)['quant_method'];
    throw fields.error(
      `quantized weights (${quoted(method ?? 'quantization_config')}) are not supported; ` +
        'take the model with weights in float32, float16 or bfloat16',
    );
  }
  const activation = fields.get('hidden_act') ?? 'silu';
  if (activation !== 'silu' && activation !== 'swish') {
    throw fields.error(`hidden_act ${quoted(activation)} is not supported, only "silu"`);
  }
  for (const key of ['num_local_experts', 'num_experts', 'n_routed_experts']) {
    const experts = fields.get(key);
    if (experts === undefined || experts === null || experts === 0 || experts === 1) continue;
    throw fields.error(
      `${key} is ${quoted(experts)}: a mixture of experts is not supported, only dense models`,
    );
  }
  const partial = fields.get('partial_rotary_factor') ?? 1;
  if (partial !== 1) throw fields.error(`partial_rotary_factor ${quoted(partial)} is not supported, only 1`);
}

/** Newer files say it layer by layer. */
function checkLayerTypes(fields: ConfigFields, sliding: boolean): void {
  const types = fields.get('layer_types') ?? [];
  const expected = sliding ? 'sliding_attention' : 'full_attention';
  if (!Array.isArray(types)) throw fields.error(`layer_types is ${quoted(types)}, but must be a list`);
  const other = types.find(type => type !== expected);
  if (other !== undefined) {
    throw fields.error(
      `layer_types has ${quoted(other)} where ${quoted(expected)} follows from the other keys: ` +
        'all layers or none may have a sliding window',
    );
  }
}

/** `rope_theta` beside `rope_scaling`, or both in `rope_parameters` (transformers 5). */
function ropeOf(fields: ConfigFields): Rope {
  const both = fields.object('rope_parameters');
  const scaling = both ?? fields.object('rope_scaling');
  const theta = both?.has('rope_theta')
    ? both.positive('rope_theta', 10_000)
    : fields.positive('rope_theta', 10_000);
  if (!scaling) return { theta };
  const partial = scaling.get('partial_rotary_factor') ?? 1;
  if (partial !== 1) throw scaling.error(`partial_rotary_factor ${quoted(partial)} is not supported, only 1`);
  const type = scaling.get('rope_type') ?? scaling.get('type') ?? 'default';
  if (type === 'default') return { theta };
  if (type !== 'llama3') {
    throw scaling.error(
      `the rope type ${quoted(type)} is not supported; supported are "default" and "llama3"`,
    );
  }
  const lowFreqFactor = scaling.positive('low_freq_factor');
  const highFreqFactor = scaling.positive('high_freq_factor');
  if (highFreqFactor <= lowFreqFactor) {
    throw scaling.error(`high_freq_factor ${highFreqFactor} must be above low_freq_factor ${lowFreqFactor}`);
  }
  return {
    theta,
    scaling: {
      factor: scaling.positive('factor'),
      lowFreqFactor,
      highFreqFactor,
      originalMaxPositionEmbeddings: scaling.positive('original_max_position_embeddings'),
    },
  };
}

function endsOf(generation: unknown, source: string, vocab: number): readonly number[] | undefined {
  const fields = new ConfigFields(generation, `the generation_config.json of ${source}`);
  const ends = fields.tokenIds('eos_token_id', vocab);
  return ends.length > 0 ? ends : undefined;
}
