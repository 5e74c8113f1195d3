import type { Model } from './model.ts';

type Shape = Pick<Model, 'title' | 'layers' | 'hidden' | 'heads' | 'kvHeads' | 'intermediate'> &
  Pick<Model, 'tiedEmbeddings'>;

function qwen25(name: string, vocab: number, shape: Shape): Model {
  return {
    name,
    ...shape,
    headDim: shape.hidden / shape.heads,
    vocab,
    maxModelLen: 32_768,
    gatedMlp: true,
    learnedPositions: 0,
    qkNorm: false,
    bias: 'qkv',
    source: `config.json of ${shape.title}`,
  };
}

function qwen3(name: string, shape: Shape, moe?: Model['moe']): Model {
  return {
    name,
    ...shape,
    headDim: 128,
    vocab: 151_936,
    maxModelLen: 40_960,
    gatedMlp: true,
    learnedPositions: 0,
    qkNorm: true,
    bias: 'none',
    ...(moe && { moe }),
    source: `config.json of ${shape.title}`,
  };
}

/** Qwen2.5 (the Instruct models: context 32768 without YaRN) and Qwen3. */
export const qwens: readonly Model[] = [
  qwen25('qwen2.5-0.5b', 151_936, {
    title: 'Qwen/Qwen2.5-0.5B-Instruct',
    layers: 24,
    hidden: 896,
    heads: 14,
    kvHeads: 2,
    intermediate: 4864,
    tiedEmbeddings: true,
  }),
  qwen25('qwen2.5-1.5b', 151_936, {
    title: 'Qwen/Qwen2.5-1.5B-Instruct',
    layers: 28,
    hidden: 1536,
    heads: 12,
    kvHeads: 2,
    intermediate: 8960,
    tiedEmbeddings: true,
  }),
  qwen25('qwen2.5-3b', 151_936, {
    title: 'Qwen/Qwen2.5-3B-Instruct',
    layers: 36,
    hidden: 2048,
    heads: 16,
    kvHeads: 2,
    intermediate: 11_008,
    tiedEmbeddings: true,
  }),
  qwen25('qwen2.5-7b', 152_064, {
    title: 'Qwen/Qwen2.5-7B-Instruct',
    layers: 28,
    hidden: 3584,
    heads: 28,
    kvHeads: 4,
    intermediate: 18_944,
    tiedEmbeddings: false,
  }),
  qwen25('qwen2.5-14b', 152_064, {
    title: 'Qwen/Qwen2.5-14B-Instruct',
    layers: 48,
    hidden: 5120,
    heads: 40,
    kvHeads: 8,
    intermediate: 13_824,
    tiedEmbeddings: false,
  }),
  qwen25('qwen2.5-32b', 152_064, {
    title: 'Qwen/Qwen2.5-32B-Instruct',
    layers: 64,
    hidden: 5120,
    heads: 40,
    kvHeads: 8,
    intermediate: 27_648,
    tiedEmbeddings: false,
  }),
  qwen25('qwen2.5-72b', 152_064, {
    title: 'Qwen/Qwen2.5-72B-Instruct',
    layers: 80,
    hidden: 8192,
    heads: 64,
    kvHeads: 8,
    intermediate: 29_568,
    tiedEmbeddings: false,
  }),
  qwen3('qwen3-0.6b', {
    title: 'Qwen/Qwen3-0.6B',
    layers: 28,
    hidden: 1024,
    heads: 16,
    kvHeads: 8,
    intermediate: 3072,
    tiedEmbeddings: true,
  }),
  qwen3('qwen3-1.7b', {
    title: 'Qwen/Qwen3-1.7B',
    layers: 28,
    hidden: 2048,
    heads: 16,
    kvHeads: 8,
    intermediate: 6144,
    tiedEmbeddings: true,
  }),
  qwen3('qwen3-4b', {
    title: 'Qwen/Qwen3-4B',
    layers: 36,
    hidden: 2560,
    heads: 32,
    kvHeads: 8,
    intermediate: 9728,
    tiedEmbeddings: true,
  }),
  qwen3('qwen3-8b', {
    title: 'Qwen/Qwen3-8B',
    layers: 36,
    hidden: 4096,
    heads: 32,
    kvHeads: 8,
    intermediate: 12_288,
    tiedEmbeddings: false,
  }),
  qwen3('qwen3-14b', {
    title: 'Qwen/Qwen3-14B',
    layers: 40,
    hidden: 5120,
    heads: 40,
    kvHeads: 8,
    intermediate: 17_408,
    tiedEmbeddings: false,
  }),
  qwen3('qwen3-32b', {
    title: 'Qwen/Qwen3-32B',
    layers: 64,
    hidden: 5120,
    heads: 64,
    kvHeads: 8,
    intermediate: 25_600,
    tiedEmbeddings: false,
  }),
  qwen3(
    'qwen3-30b-a3b',
    {
      title: 'Qwen/Qwen3-30B-A3B',
      layers: 48,
      hidden: 2048,
      heads: 32,
      kvHeads: 4,
      intermediate: 768,
      tiedEmbeddings: false,
    },
    { experts: 128, activeExperts: 8, intermediate: 768 },
  ),
];
