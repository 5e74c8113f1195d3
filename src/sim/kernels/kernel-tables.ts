import type { Seconds, Tokens } from '../../core/units.ts';

/** Where a time comes from: a table's own row, between its rows, beyond them. (The roofline is `analytic`.) */
export type Tier = 'measured' | 'interpolated' | 'extrapolated';

/** One kernel launch on one GPU. */
export interface KernelTime {
  readonly seconds: Seconds;
  readonly tier: Tier;
}

/** Precision of a matrix product, as the tables name it. */
export type GemmPrecision = 'bfloat16' | 'fp8' | 'fp8_block' | 'int8_wo' | 'int4_wo' | 'sq' | 'nvfp4';

/** Shape of the attention of one layer on one GPU. */
export interface AttentionShape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly kv: 'fp16' | 'fp8';
  /** Sliding window in tokens; 0: none. */
  readonly window: Tokens;
}

/**
 * Measured kernels of one GPU. Each method answers undefined for what the tables do not cover, and the
 * cost model then uses its roofline. Sizes are those of one GPU of the tensor-parallel group.
 */
export interface KernelTables {
  /** For the user: files and versions. */
  readonly source: string;
  /** rows × k times k × n. */
  gemm(m: number, n: number, k: number, precision: GemmPrecision): KernelTime | undefined;
  /** `batch` prompts of `chunk` tokens each after `past` ones. */
  prefillAttention(batch: number, chunk: Tokens, past: Tokens, shape: AttentionShape): KernelTime | undefined;
  /** `batch` sequences that read `kv` slots each, the new one included. Need not be whole numbers. */
  decodeAttention(batch: number, kv: number, shape: AttentionShape): KernelTime | undefined;
  /** `bytes` of a tensor summed over `gpus`; `graph`: replayed from a CUDA graph. */
  allReduce(bytes: number, gpus: number, graph: boolean): KernelTime | undefined;
}

/** Layers whose time depends on the rows of a step only, as LLMServingSim's profiles name them. */
export type LayerName =
  | 'embedding'
  | 'layernorm'
  | 'qkv_proj'
  | 'qk_norm'
  | 'rotary_emb'
  | 'o_proj'
  | 'gate_up_proj'
  | 'act_fn'
  | 'down_proj'
  | 'moe'
  | 'final_layernorm'
  | 'lm_head'
  | 'sampler';

/** The attention of one step: all its prefills and decodes in one kernel. */
export interface AttentionStep {
  /** Tokens of all prefills; 0: none. */
  readonly chunk: Tokens;
  /** Keys that one of these tokens sees, in the mean. */
  readonly key: number;
  readonly decodes: number;
  /** Mean, shortest and longest KV of the decodes. */
  readonly kv: number;
  readonly shortest: Tokens;
  readonly longest: Tokens;
}

/** Layers of one model, measured inside an engine on one GPU at one degree of tensor parallelism. */
export interface LayerProfile {
  readonly source: string;
  /** Attention depends on how unequal the decodes are, so that each must be named. */
  readonly needsSpread: boolean;
  /** @param experts distinct experts that the rows choose, for `moe`. */
  layer(name: LayerName, rows: number, experts?: number): KernelTime | undefined;
  attention(step: AttentionStep): KernelTime | undefined;
}

/** What a cost model may be given. */
export type MeasuredKernels = Partial<KernelTables> & Partial<LayerProfile> & { readonly source: string };
