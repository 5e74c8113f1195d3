import type { Bytes, Tokens } from '../../core/units.ts';

/** The shape of a decoder-only transformer: all that memory and time depend on. */
export interface Model {
  /** Name on the command line, e.g. `llama-2-7b`. */
  readonly name: string;
  /** e.g. `meta-llama/Llama-2-7b-hf`. */
  readonly title: string;
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Width of the MLP (of one expert in a MoE: see `moe`). */
  readonly intermediate: number;
  readonly vocab: number;
  /** Longest context, prompt and output. */
  readonly maxModelLen: Tokens;
  /** Gate and up projection (SwiGLU) instead of a single up projection. */
  readonly gatedMlp: boolean;
  /** lm_head shares the embedding's weights. */
  readonly tiedEmbeddings: boolean;
  /** Rows of a learned position table (OPT); 0 for rotary models. */
  readonly learnedPositions: number;
  /** Attention looks back this far only; absent: everywhere. */
  readonly slidingWindow?: Tokens;
  /** RMSNorm on queries and keys per head (Qwen3). */
  readonly qkNorm: boolean;
  /** Bias terms: on Q, K, V (Qwen2), or on every linear layer (OPT). */
  readonly bias: 'none' | 'qkv' | 'all';
  readonly moe?: {
    readonly experts: number;
    readonly activeExperts: number;
    /** Width of one expert. */
    readonly intermediate: number;
  };
  /** Where the figures come from, in words, without URLs. */
  readonly source: string;
}

/** KV bytes of one token in all layers, over all GPUs. */
export function kvBytesPerToken(model: Model, bytesPerElement: Bytes): Bytes {
  return 2 * model.layers * model.kvHeads * model.headDim * bytesPerElement;
}
