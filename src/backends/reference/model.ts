import type { ModelConfig } from '../model/config.ts';
import { requireTensors } from '../model/expected-tensors.ts';
import { toF32 } from '../model/to-f32.ts';
import type { Weights } from '../model/weights.ts';

/** y = W x + b; W is [out, in], row-major. */
export interface Linear {
  readonly weight: Float32Array;
  readonly bias: Float32Array | undefined;
  readonly out: number;
}

export interface Layer {
  readonly inputNorm: Float32Array;
  readonly q: Linear;
  readonly k: Linear;
  readonly v: Linear;
  /** [headDim], Qwen3's norm of each head. */
  readonly qNorm: Float32Array | undefined;
  readonly kNorm: Float32Array | undefined;
  readonly o: Linear;
  readonly postNorm: Float32Array;
  readonly gate: Linear;
  readonly up: Linear;
  readonly down: Linear;
}

/** All weights of a model, as f32. */
export interface Model {
  /** [vocab, hidden] */
  readonly embedding: Float32Array;
  readonly layers: readonly Layer[];
  readonly norm: Float32Array;
  readonly head: Linear;
}

/** @throws UsageError that names what is missing. */
export async function readModel(config: ModelConfig, weights: Weights): Promise<Model> {
  requireTensors(weights, config);
  const read = async (name: string) => toF32(await weights.read(name));
  const embedding = await read('model.embed_tokens.weight');
  const layers: Layer[] = [];
  for (let i = 0; i < config.layers; i++) layers.push(await readLayer(config, `model.layers.${i}`, read));
  const head = config.tiedEmbeddings ? embedding : await read('lm_head.weight');
  return {
    embedding,
    layers,
    norm: await read('model.norm.weight'),
    head: { weight: head, bias: undefined, out: config.vocab },
  };
}

async function readLayer(
  config: ModelConfig,
  at: string,
  read: (name: string) => Promise<Float32Array>,
): Promise<Layer> {
  const linear = async (name: string, out: number, biased = false): Promise<Linear> => ({
    weight: await read(`${at}.${name}.weight`),
    bias: biased ? await read(`${at}.${name}.bias`) : undefined,
    out,
  });
  const norm = (name: string) => read(`${at}.${name}.weight`);
  const { heads, kvHeads, headDim, hidden, intermediate, qkvBias, qkNorm } = config;
  return {
    inputNorm: await norm('input_layernorm'),
    q: await linear('self_attn.q_proj', heads * headDim, qkvBias),
    k: await linear('self_attn.k_proj', kvHeads * headDim, qkvBias),
    v: await linear('self_attn.v_proj', kvHeads * headDim, qkvBias),
    qNorm: qkNorm ? await norm('self_attn.q_norm') : undefined,
    kNorm: qkNorm ? await norm('self_attn.k_norm') : undefined,
    o: await linear('self_attn.o_proj', hidden),
    postNorm: await norm('post_attention_layernorm'),
    gate: await linear('mlp.gate_proj', intermediate),
    up: await linear('mlp.up_proj', intermediate),
    down: await linear('mlp.down_proj', hidden),
  };
}
