import { quoted, UsageError } from '../../core/errors.ts';
import type { Model } from './model.ts';

/** What a family leaves unsaid in its config.json; the defaults are those of the transformers library. */
interface Family {
  /** Key and value heads when the key is absent; `null` in the file, or none here: as many as heads. */
  readonly kvHeads?: number;
  /** Width of a head when the key is absent; none here: hidden / heads. */
  readonly headDim?: number;
  /** `own`: `sliding_window` decides; `switched`: only with `use_sliding_window`. */
  readonly window?: 'own' | 'switched';
  readonly defaultWindow?: number;
  readonly qkNorm?: true;
  readonly qkvBias?: true;
  readonly experts?: 'num_local_experts' | 'num_experts';
}

const families: Readonly<Record<string, Family>> = {
  llama: {},
  mistral: { kvHeads: 8, window: 'own', defaultWindow: 4096 },
  mixtral: { kvHeads: 8, window: 'own', experts: 'num_local_experts' },
  qwen2: { kvHeads: 32, window: 'switched', defaultWindow: 4096, qkvBias: true },
  qwen3: { kvHeads: 32, headDim: 128, window: 'switched', defaultWindow: 4096, qkNorm: true },
  qwen3_moe: { kvHeads: 4, window: 'switched', defaultWindow: 4096, qkNorm: true, experts: 'num_experts' },
};

/**
 * The shape described by a parsed Hugging Face config.json.
 * @throws UsageError when the file is of another architecture, or a figure is missing or makes no sense.
 */
export function modelFromHfConfig(config: unknown, name: string): Model {
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new UsageError(`The config.json of ${name} must hold an object, found ${quoted(config)}.`);
  }
  const fields = new Fields(config as Readonly<Record<string, unknown>>, name);
  const type = fields.get('model_type');
  if (type === 'opt') return optModel(fields, name);
  const family = typeof type === 'string' && Object.hasOwn(families, type) ? families[type] : undefined;
  if (!family) {
    const supported = [...Object.keys(families), 'opt'].join(', ');
    throw fields.error(`model_type ${quoted(type)} is not supported; supported are ${supported}`);
  }
  return rotaryModel(fields, name, family);
}

function rotaryModel(fields: Fields, name: string, family: Family): Model {
  fields.expect('attention_bias', false);
  fields.expect('mlp_bias', false);
  const layers = fields.count('num_hidden_layers');
  const hidden = fields.count('hidden_size');
  const heads = fields.count('num_attention_heads');
  const kvHeads = fields.nullableCount('num_key_value_heads', family.kvHeads ?? heads) ?? heads;
  const headDim = fields.nullableCount('head_dim', family.headDim) ?? quotient(fields, hidden, heads);
  if (heads % kvHeads !== 0) {
    throw fields.error(`num_attention_heads ${heads} is not a multiple of num_key_value_heads ${kvHeads}`);
  }
  const moe = family.experts && mixture(fields, family.experts);
  const window = slidingWindow(fields, family, layers);
  return {
    name,
    title: name,
    layers,
    hidden,
    heads,
    kvHeads,
    headDim,
    intermediate: moe?.intermediate ?? fields.count('intermediate_size'),
    vocab: fields.count('vocab_size'),
    maxModelLen: fields.count('max_position_embeddings'),
    gatedMlp: true,
    tiedEmbeddings: fields.flag('tie_word_embeddings', false),
    learnedPositions: 0,
    ...(window !== undefined && { slidingWindow: window }),
    qkNorm: family.qkNorm ?? false,
    bias: family.qkvBias ? 'qkv' : 'none',
    ...(moe && { moe }),
    source: `config.json of ${name}`,
  };
}

function optModel(fields: Fields, name: string): Model {
  fields.expect('enable_bias', true);
  fields.expect('do_layer_norm_before', true);
  const hidden = fields.count('hidden_size');
  const heads = fields.count('num_attention_heads');
  const positions = fields.count('max_position_embeddings');
  fields.expect('word_embed_proj_dim', hidden);
  return {
    name,
    title: name,
    layers: fields.count('num_hidden_layers'),
    hidden,
    heads,
    kvHeads: heads,
    headDim: quotient(fields, hidden, heads),
    intermediate: fields.count('ffn_dim'),
    vocab: fields.count('vocab_size'),
    maxModelLen: positions,
    gatedMlp: false,
    tiedEmbeddings: fields.flag('tie_word_embeddings', true),
    // OPTLearnedPositionalEmbedding counts from 2.
    learnedPositions: positions + 2,
    qkNorm: false,
    bias: 'all',
    source: `config.json of ${name}`,
  };
}

function quotient(fields: Fields, hidden: number, heads: number): number {
  if (hidden % heads === 0) return hidden / heads;
  throw fields.error(
    `hidden_size ${hidden} is not a multiple of num_attention_heads ${heads}, and head_dim is not given`,
  );
}

function mixture(fields: Fields, key: 'num_local_experts' | 'num_experts'): NonNullable<Model['moe']> {
  fields.expect('decoder_sparse_step', 1);
  const dense = fields.get('mlp_only_layers') ?? [];
  if (!Array.isArray(dense) || dense.length > 0) {
    throw fields.error(`mlp_only_layers ${quoted(dense)} is not supported: every layer must have experts`);
  }
  const experts = fields.count(key);
  const activeExperts = fields.count('num_experts_per_tok');
  if (activeExperts > experts) {
    throw fields.error(`num_experts_per_tok ${activeExperts} is more than ${key} ${experts}`);
  }
  const width = key === 'num_experts' ? 'moe_intermediate_size' : 'intermediate_size';
  return { experts, activeExperts, intermediate: fields.count(width) };
}

function slidingWindow(fields: Fields, family: Family, layers: number): number | undefined {
  if (!family.window) return undefined;
  if (family.window === 'switched') {
    if (!fields.flag('use_sliding_window', false)) return undefined;
    // Qwen: the layers below max_window_layers see everything. A mixture of both has no place in Model.
    const full = family.experts ? 0 : fields.index('max_window_layers', 28);
    if (full >= layers) return undefined;
    if (full > 0) {
      throw fields.error(
        `max_window_layers ${full} of ${layers} layers is not supported: all layers or none may have a sliding window`,
      );
    }
  }
  return fields.nullableCount('sliding_window', family.defaultWindow);
}

/** The keys of one config.json, checked as they are read. */
class Fields {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #name: string;

  constructor(values: Readonly<Record<string, unknown>>, name: string) {
    this.#values = values;
    this.#name = name;
  }

  get(key: string): unknown {
    return this.#values[key];
  }

  error(problem: string): UsageError {
    return new UsageError(`In the config.json of ${this.#name}, ${problem}.`);
  }

  count(key: string): number {
    return this.#number(key, this.get(key), 1, 'a positive integer');
  }

  /** Absent: `absent`; null: undefined. */
  nullableCount(key: string, absent: number | undefined): number | undefined {
    const value = this.get(key);
    if (value === undefined) return absent;
    return value === null ? undefined : this.count(key);
  }

  index(key: string, absent: number): number {
    return this.#number(key, this.get(key) ?? absent, 0, 'an integer of 0 or more');
  }

  flag(key: string, absent: boolean): boolean {
    const value = this.get(key) ?? absent;
    if (typeof value === 'boolean') return value;
    throw this.error(`${key} is ${quoted(value)}, but must be true or false`);
  }

  /** Refuses a variant of the architecture that Model cannot describe. */
  expect(key: string, only: boolean | number): void {
    const value = this.get(key) ?? only;
    if (value !== only) throw this.error(`${key} ${quoted(value)} is not supported, only ${only}`);
  }

  #number(key: string, value: unknown, least: number, expected: string): number {
    if (value === undefined) throw this.error(`${key} is missing, but must be ${expected}`);
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return value;
    throw this.error(`${key} is ${quoted(value)}, but must be ${expected}`);
  }
}
