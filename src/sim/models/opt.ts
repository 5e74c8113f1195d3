import type { Model } from './model.ts';

function opt(shape: Pick<Model, 'name' | 'title' | 'layers' | 'hidden' | 'heads' | 'source'>): Model {
  return {
    ...shape,
    kvHeads: shape.heads,
    headDim: shape.hidden / shape.heads,
    intermediate: 4 * shape.hidden,
    vocab: 50_272,
    maxModelLen: 2048,
    gatedMlp: false,
    tiedEmbeddings: true,
    // Two rows more than positions: OPT counts from 2 (OPTLearnedPositionalEmbedding in transformers).
    learnedPositions: 2050,
    qkNorm: false,
    bias: 'all',
  };
}

export const opts: readonly Model[] = [
  opt({
    name: 'opt-13b',
    title: 'facebook/opt-13b',
    layers: 40,
    hidden: 5120,
    heads: 40,
    source: 'config.json of facebook/opt-13b',
  }),
  opt({
    name: 'opt-66b',
    title: 'facebook/opt-66b',
    layers: 64,
    hidden: 9216,
    heads: 72,
    source: 'config.json of facebook/opt-66b',
  }),
  opt({
    name: 'opt-175b',
    title: 'facebook/opt-175b',
    layers: 96,
    hidden: 12_288,
    heads: 96,
    source:
      'Zhang et al., OPT: Open Pre-trained Transformer Language Models (2022), Table 1; the rest as opt-66b',
  }),
];
