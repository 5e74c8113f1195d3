import type { Tokens } from '../../core/units.ts';

/** What a forward pass must know of a decoder-only transformer, read from its `config.json`. */
export interface ModelConfig {
  /** `LlamaForCausalLM`, `MistralForCausalLM`, `Qwen2ForCausalLM`, `Qwen3ForCausalLM`. */
  readonly architecture: string;
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly intermediate: number;
  readonly vocab: number;
  /** Longest context, prompt and output. */
  readonly maxModelLen: Tokens;
  readonly rmsNormEps: number;
  readonly tiedEmbeddings: boolean;
  /** Bias on Q, K and V (Qwen2). */
  readonly qkvBias: boolean;
  /** RMSNorm on each head's query and key (Qwen3). */
  readonly qkNorm: boolean;
  /** A token sees this many positions, itself included; absent: all. */
  readonly slidingWindow?: Tokens;
  readonly rope: Rope;
  /** Any of them ends the output. */
  readonly eosTokenIds: readonly number[];
  readonly bosTokenId: number | undefined;
}

export interface Rope {
  readonly theta: number;
  /** Llama 3.1 and 3.2: low frequencies are slowed by `factor`, with a ramp between the two wavelengths. */
  readonly scaling?: {
    readonly factor: number;
    readonly lowFreqFactor: number;
    readonly highFreqFactor: number;
    readonly originalMaxPositionEmbeddings: Tokens;
  };
}
