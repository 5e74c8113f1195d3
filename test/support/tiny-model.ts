import type { ModelConfig } from '../../src/backends/model/config.ts';
import { type ExpectedTensor, expectedTensors } from '../../src/backends/model/expected-tensors.ts';
import type { Tensor, Weights } from '../../src/backends/model/weights.ts';
import { pcg } from '../../src/backends/sampling/gumbel.ts';

/** 2 layers, hidden 16, vocabulary 64: a forward pass takes microseconds. */
export function tinyConfig(changes: Partial<ModelConfig> = {}): ModelConfig {
  return {
    architecture: 'LlamaForCausalLM',
    layers: 2,
    hidden: 16,
    heads: 4,
    kvHeads: 2,
    headDim: 4,
    intermediate: 24,
    vocab: 64,
    maxModelLen: 64,
    rmsNormEps: 1e-5,
    tiedEmbeddings: false,
    qkvBias: false,
    qkNorm: false,
    rope: { theta: 10_000 },
    eosTokenIds: [2],
    bosTokenId: 1,
    ...changes,
  };
}

const made = new Map<string, Weights>();

/** Random weights, the same for the same seed, large enough that logits differ and text does not repeat. */
export function tinyWeights(config: ModelConfig, seed = 1): Weights {
  const key = JSON.stringify([config, seed]);
  const known = made.get(key);
  if (known) return known;
  const tensors = new Map(
    expectedTensors(config).map((expected, i) => [expected.name, fill(expected, seed, i)]),
  );
  const weights: Weights = {
    names: [...tensors.keys()],
    has: name => tensors.has(name),
    read: async name => {
      const tensor = tensors.get(name);
      if (!tensor) throw new Error(`no tensor ${name}`);
      return tensor;
    },
    close: async () => undefined,
  };
  made.set(key, weights);
  return weights;
}

function fill({ name, shape }: ExpectedTensor, seed: number, index: number): Tensor {
  const norm = name.includes('norm');
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
  const scale = name.includes('embed') || name.includes('lm_head') ? 1 : 0.5;
  for (let i = 0; i < values.length; i++) {
    const uniform = pcg(pcg(pcg(seed) + index) + i) / 2 ** 31 - 1;
    values[i] = norm ? 1 + 0.2 * uniform : scale * uniform;
  }
  return { dtype: 'F32', shape, bytes: new Uint8Array(values.buffer) };
}
