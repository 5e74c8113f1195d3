import type { Model } from './model.ts';

export interface ParameterCount {
  /** Every stored weight; shared ones once. */
  readonly total: number;
  /** Those that one token meets: all but the experts it is not routed to. */
  readonly active: number;
  /** Token table, and learned positions where there are any. */
  readonly embedding: number;
  /** 0 when tied: the token table is the lm_head. */
  readonly lmHead: number;
  readonly perLayer: {
    readonly attention: number;
    /** All experts of a MoE. */
    readonly mlp: number;
    readonly norm: number;
    readonly router: number;
  };
}

/** Counts weights exactly, biases included, as the published checkpoints hold them. */
export function parameterCount(model: Model): ParameterCount {
  const { layers, hidden, headDim, vocab, moe } = model;
  const queries = model.heads * headDim;
  const keys = model.kvHeads * headDim;

  const qkvBias = model.bias === 'none' ? 0 : queries + 2 * keys;
  const outputBias = model.bias === 'all' ? hidden : 0;
  const attention = hidden * (queries + 2 * keys) + qkvBias + queries * hidden + outputBias;

  const width = moe?.intermediate ?? model.intermediate;
  const inner = (model.gatedMlp ? 2 : 1) * width;
  const mlpBias = model.bias === 'all' ? inner + hidden : 0;
  const expert = hidden * inner + width * hidden + mlpBias;
  const mlp = (moe?.experts ?? 1) * expert;

  // LayerNorm, in the models with biases everywhere, has a bias of its own; RMSNorm has none.
  const norm = (model.bias === 'all' ? 2 : 1) * hidden;
  const perLayer = {
    attention,
    mlp,
    norm: 2 * norm + (model.qkNorm ? 2 * headDim : 0),
    router: moe ? moe.experts * hidden : 0,
  };

  const embedding = (vocab + model.learnedPositions) * hidden;
  const lmHead = model.tiedEmbeddings ? 0 : vocab * hidden;
  const layer = perLayer.attention + perLayer.mlp + perLayer.norm + perLayer.router;
  const total = embedding + layers * layer + norm + lmHead;
  const idle = moe ? layers * (moe.experts - moe.activeExperts) * expert : 0;
  return { total, active: total - idle, embedding, lmHead, perLayer };
}
