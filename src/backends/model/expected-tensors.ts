import { UsageError } from '../../core/errors.ts';
import type { ModelConfig } from './config.ts';
import type { Weights } from './weights.ts';

/** A tensor that the forward pass reads. Linear layers are [out, in]. */
export interface ExpectedTensor {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Weights that know the shapes of their tensors before reading them. */
export interface DescribedWeights extends Weights {
  /** Undefined when there is no such tensor. */
  info(name: string): { readonly dtype: string; readonly shape: readonly number[] } | undefined;
}

/** All tensors of a model, in the order in which a forward pass meets them. */
export function expectedTensors(config: ModelConfig): readonly ExpectedTensor[] {
  const { hidden, vocab } = config;
  const tensors: ExpectedTensor[] = [{ name: 'model.embed_tokens.weight', shape: [vocab, hidden] }];
  for (let layer = 0; layer < config.layers; layer++) {
    for (const { name, shape } of layerTensors(config)) {
      tensors.push({ name: `model.layers.${layer}.${name}`, shape });
    }
  }
  tensors.push({ name: 'model.norm.weight', shape: [hidden] });
  if (!config.tiedEmbeddings) tensors.push({ name: 'lm_head.weight', shape: [vocab, hidden] });
  return tensors;
}

function layerTensors(config: ModelConfig): readonly ExpectedTensor[] {
  const { hidden, headDim, intermediate } = config;
  const widths = { q: config.heads * headDim, k: config.kvHeads * headDim, v: config.kvHeads * headDim };
  const projections = Object.entries(widths);
  return [
    { name: 'input_layernorm.weight', shape: [hidden] },
    ...projections.map(([of, width]) => ({ name: `self_attn.${of}_proj.weight`, shape: [width, hidden] })),
    ...(config.qkvBias
      ? projections.map(([of, width]) => ({ name: `self_attn.${of}_proj.bias`, shape: [width] }))
      : []),
    ...(config.qkNorm
      ? ['q', 'k'].map(of => ({ name: `self_attn.${of}_norm.weight`, shape: [headDim] }))
      : []),
    { name: 'self_attn.o_proj.weight', shape: [hidden, widths.q] },
    { name: 'post_attention_layernorm.weight', shape: [hidden] },
    { name: 'mlp.gate_proj.weight', shape: [intermediate, hidden] },
    { name: 'mlp.up_proj.weight', shape: [intermediate, hidden] },
    { name: 'mlp.down_proj.weight', shape: [hidden, intermediate] },
  ];
}

const readable: readonly string[] = ['F32', 'F16', 'BF16'];

/**
 * Says at once, before minutes of loading, what a model lacks. Shapes and types are compared where the weights
 * can tell them unread.
 * @throws UsageError that names the tensors and what the architecture expects.
 */
export function requireTensors(weights: Weights | DescribedWeights, config: ModelConfig): void {
  const expected = expectedTensors(config);
  const missing = expected.filter(({ name }) => !weights.has(name));
  if (missing.length > 0) throw new UsageError(missingText(missing, expected.length, weights, config));
  if (!('info' in weights)) return;
  for (const { name, shape } of expected) {
    const found = weights.info(name)!;
    if (!readable.includes(found.dtype)) {
      throw new UsageError(
        `The tensor ${name} is of type ${found.dtype}; supported are ${readable.join(', ')}. ` +
          'Take the model with unquantized weights.',
      );
    }
    if (found.shape.join() !== shape.join()) {
      throw new UsageError(
        `The tensor ${name} is [${found.shape.join(', ')}], but ${config.architecture} with this config.json ` +
          `expects [${shape.join(', ')}]. Weights and config.json are of different models; fetch both again.`,
      );
    }
  }
}

function missingText(
  missing: readonly ExpectedTensor[],
  count: number,
  weights: Weights,
  config: ModelConfig,
): string {
  const named = missing.slice(0, 3).map(({ name, shape }) => `${name} [${shape.join(', ')}]`);
  const more = missing.length > 3 ? ` and ${missing.length - 3} more` : '';
  const text = `The weights lack ${named.join(', ')}${more} of the ${count} tensors of ${config.architecture}.`;
  if (missing.length === 1 && missing[0]!.name === 'lm_head.weight') {
    return `${text} If the model shares its embedding, config.json must say "tie_word_embeddings": true.`;
  }
  const there = weights.names.slice(0, 3).join(', ');
  return `${text} They hold ${weights.names.length}: ${there || 'none'}${weights.names.length > 3 ? ', …' : ''}. Fetch the model again, or take one of this architecture.`;
}
