import type { Model } from './model.ts';

const shared = {
  layers: 32,
  hidden: 4096,
  heads: 32,
  kvHeads: 8,
  headDim: 128,
  intermediate: 14_336,
  vocab: 32_000,
  maxModelLen: 32_768,
  gatedMlp: true,
  tiedEmbeddings: false,
  learnedPositions: 0,
  qkNorm: false,
  bias: 'none',
} as const;

export const mistrals: readonly Model[] = [
  {
    name: 'mistral-7b',
    title: 'mistralai/Mistral-7B-v0.1',
    ...shared,
    slidingWindow: 4096,
    source: 'config.json of mistralai/Mistral-7B-v0.1',
  },
  {
    name: 'mixtral-8x7b',
    title: 'mistralai/Mixtral-8x7B-v0.1',
    ...shared,
    moe: { experts: 8, activeExperts: 2, intermediate: 14_336 },
    source: 'config.json of mistralai/Mixtral-8x7B-v0.1',
  },
];
