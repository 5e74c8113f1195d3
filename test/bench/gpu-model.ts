import type { ModelConfig } from '../../src/backends/model/config.ts';
import type { Draw, TokenBatch } from '../../src/backends/model-runner.ts';
import { completeParams } from '../../src/engine/complete-params.ts';

/** The model of the vLLM paper's smallest experiments, and of most published figures. */
export const LLAMA_2_7B: ModelConfig = {
  architecture: 'LlamaForCausalLM',
  layers: 32,
  hidden: 4096,
  heads: 32,
  kvHeads: 32,
  headDim: 128,
  intermediate: 11008,
  vocab: 32000,
  maxModelLen: 4096,
  rmsNormEps: 1e-5,
  tiedEmbeddings: false,
  qkvBias: false,
  qkNorm: false,
  rope: { theta: 10000 },
  eosTokenIds: [2],
  bosTokenId: 1,
};

/** Bytes of weights that a decode step reads: all but the embedding table. */
export function weightBytes({
  layers,
  hidden,
  heads,
  kvHeads,
  headDim,
  intermediate,
  vocab,
}: ModelConfig): number {
  const attention = (2 * heads + 2 * kvHeads) * headDim;
  return 2 * hidden * (layers * (attention + 3 * intermediate) + vocab);
}

/** Bytes of keys and values that a decode step of one sequence reads. */
export function kvBytes({ layers, kvHeads, headDim }: ModelConfig, context: number): number {
  return 2 * 2 * layers * kvHeads * headDim * context;
}

/** Floating-point operations of a prefill from the start of a prompt: matrices, then causal attention. */
export function prefillFlops(config: ModelConfig, tokens: number): { linear: number; attention: number } {
  const { layers, heads, headDim, hidden, vocab } = config;
  const perToken = weightBytes(config) - 2 * hidden * vocab;
  return {
    linear: tokens * perToken + 2 * hidden * vocab,
    attention: 2 * layers * heads * headDim * tokens * (tokens + 1),
  };
}

export interface BenchRow {
  /** Tokens that have KV already, and tokens to compute. */
  readonly computed: number;
  readonly count: number;
}

const greedy = completeParams({ temperature: 0, ignoreEos: true });

/** A batch of these rows, each on blocks of its own, one token drawn for each. */
export function benchBatch(
  rows: readonly BenchRow[],
  blockSize: number,
  vocab: number,
  seed = 1,
): TokenBatch {
  const total = rows.reduce((sum, { count }) => sum + count, 0);
  const tableWidth = Math.max(
    ...rows.map(({ computed, count }) => Math.ceil((computed + count) / blockSize)),
  );
  const tokens = new Int32Array(total);
  const positions = new Int32Array(total);
  const slots = new Int32Array(total);
  const rowStarts = new Int32Array(rows.length + 1);
  const tables = new Int32Array(rows.length * tableWidth).fill(-1);
  const draws: Draw[] = [];
  let t = 0;
  for (const [row, { computed, count }] of rows.entries()) {
    for (let i = 0; i < Math.ceil((computed + count) / blockSize); i++)
      tables[row * tableWidth + i] = row * tableWidth + i;
    for (let position = computed; position < computed + count; position++, t++) {
      tokens[t] = (Math.imul(t + 1, seed * 40503 + 7919) >>> 8) % vocab;
      positions[t] = position;
      slots[t] = row * tableWidth * blockSize + position;
    }
    rowStarts[row + 1] = t;
    draws.push({ row, params: greedy, seed: row, step: 0, prompt: [], output: [], banned: [] });
  }
  const contexts = Int32Array.from(rows, ({ computed, count }) => computed + count);
  return {
    copies: new Int32Array(),
    tokens,
    positions,
    slots,
    rowStarts,
    contexts,
    tables,
    tableWidth,
    draws,
  };
}
