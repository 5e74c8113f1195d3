import type { Tokens } from '../../core/units.ts';
import type { GemmPrecision, LayerName } from '../kernels/kernel-tables.ts';
import type { CostOptions } from './cost-model.ts';
import { book, type Launch, power } from './launch.ts';
import { activationBytes, kvBytes, type WeightPrecision, weightBytes } from './precision.ts';
import { emptyCost, type StepCost, term } from './terms.ts';

/** What the tables call the weights' precision; activations are 16 bits wide but for `fp8`. */
const gemmPrecision: Record<WeightPrecision, GemmPrecision> = {
  fp16: 'bfloat16',
  fp8: 'fp8',
  int8: 'int8_wo',
  int4: 'int4_wo',
};

/**
 * Everything of a step but attention, copies and the CPU: a function of the rows alone, which repeat from
 * step to step and are remembered.
 */
export class LinearCost {
  readonly #options: CostOptions;
  readonly #peakFlops: number;
  readonly #known = new Map<number, StepCost>();

  /** @param peakFlops FLOP/s of the matrix units at the precision of the weights. */
  constructor(options: CostOptions, peakFlops: number) {
    this.#options = options;
    this.#peakFlops = peakFlops;
  }

  /** @param graph the rows are those of a captured graph. The returned object is kept: not to be changed. */
  of(tokens: Tokens, sampled: number, graph: boolean): StepCost {
    const key = (tokens * 2 ** 22 + sampled) * 2 + (graph ? 1 : 0);
    const known = this.#known.get(key);
    if (known) return known;
    // Prefills come in all sizes: bound the table, for a long run must not grow it without end.
    if (this.#known.size > 20_000) this.#known.clear();
    const cost = emptyCost();
    const { model, tensorParallel: tp, kv } = this.#options;
    const { layers, hidden, headDim, vocab, moe } = model;
    const queries = (model.heads * headDim) / tp;
    const keys = Math.max(1, model.kvHeads / tp) * headDim;
    const width = (moe?.intermediate ?? model.intermediate) / tp;
    const up = (model.gatedMlp ? 2 : 1) * width;
    const row = hidden * activationBytes;

    this.#elementwise(cost, term.embedding, 1, 2 * tokens * row, 'embedding', tokens);
    // Two a layer, each with the residual added: reads two rows, writes two.
    this.#elementwise(cost, term.norm, 2 * layers, 4 * tokens * row, 'layernorm', tokens);
    this.#elementwise(cost, term.norm, 1, 2 * tokens * row, 'final_layernorm', tokens);
    this.#gemm(cost, term.qkv, layers, tokens, queries + 2 * keys, hidden, 'qkv_proj');
    // Queries and keys are rotated, unless positions are learned; keys and values are written to their slots.
    const rotated = model.learnedPositions > 0 ? 0 : 2 * (queries + keys) * activationBytes;
    const rope = tokens * (rotated + 2 * keys * (activationBytes + kvBytes[kv]));
    this.#elementwise(cost, term.rope, layers, rope, 'rotary_emb', tokens);
    if (model.qkNorm) {
      const bytes = 2 * tokens * (queries + keys) * activationBytes;
      this.#elementwise(cost, term.norm, layers, bytes, 'qk_norm', tokens);
    }
    this.#gemm(cost, term.o_proj, layers, tokens, hidden, queries, 'o_proj');
    if (moe) this.#addExperts(cost, tokens, up, width);
    else {
      this.#gemm(cost, term.mlp, layers, tokens, up, hidden, 'gate_up_proj');
      this.#activation(cost, tokens, up + width);
      this.#gemm(cost, term.mlp, layers, tokens, hidden, width, 'down_proj');
    }
    // Two a layer, and one behind the token table, which is split by vocabulary.
    if (tp > 1) this.#allReduce(cost, 2 * layers + 1, tokens * row, graph);
    if (sampled > 0) {
      this.#wideGemm(cost, term.lm_head, 1, sampled, vocab / tp, hidden, 'lm_head');
      this.#sampler(cost, sampled);
    }
    this.#known.set(key, cost);
    return cost;
  }

  #gemm(cost: StepCost, at: number, times: number, m: number, n: number, k: number, layer: LayerName): void {
    const { kernels, weights } = this.#options;
    const known = kernels?.layer?.(layer, m) ?? kernels?.gemm?.(m, n, k, gemmPrecision[weights]);
    const bytes = n * k * weightBytes[weights] + m * (n + k) * activationBytes;
    book(cost, at, times, this.#product(2 * m * n * k, bytes), known);
  }

  /** A matrix that quantised checkpoints leave at 16 bits: lm_head and router (`kvCapacity` counts them so, too). */
  #wideGemm(
    cost: StepCost,
    at: number,
    times: number,
    m: number,
    n: number,
    k: number,
    layer?: LayerName,
  ): void {
    const { kernels } = this.#options;
    const known = (layer && kernels?.layer?.(layer, m)) ?? kernels?.gemm?.(m, n, k, 'bfloat16');
    const bytes = (n * k + m * (n + k)) * activationBytes;
    book(cost, at, times, this.#product(2 * m * n * k, bytes, true), known);
  }

  /** Router and experts of a layer, each projection in one grouped kernel: only experts that some token chose are read. */
  #addExperts(cost: StepCost, tokens: Tokens, up: number, width: number): void {
    const { model, kernels, weights } = this.#options;
    const { hidden, layers } = model;
    const { experts, activeExperts } = model.moe!;
    const touched = experts * (1 - power(1 - activeExperts / experts, tokens));
    const rows = tokens * activeExperts;
    const block = kernels?.layer?.('moe', tokens, touched);
    if (block) {
      const bytes = touched * (up + width) * hidden * weightBytes[weights];
      book(cost, term.mlp, layers, this.#product(2 * rows * (up + width) * hidden, bytes), block);
      return;
    }
    this.#wideGemm(cost, term.router, layers, tokens, experts, hidden);
    for (const [n, k] of [
      [up, hidden],
      [hidden, width],
    ] as const) {
      const bytes = touched * n * k * weightBytes[weights] + rows * (n + k) * activationBytes;
      book(cost, term.mlp, layers, this.#product(2 * rows * n * k, bytes));
    }
    this.#activation(cost, rows, up + width);
  }

  /** The roofline of a matrix product; `wide`: at 16 bits whatever the weights are. */
  #product(flops: number, bytes: number, wide = false): Launch {
    const { gpu, weights } = this.#options;
    const { gemm, gemmFp8 } = gpu.efficiency;
    const narrow = !wide && weights === 'fp8' && gpu.flops.fp8 !== undefined;
    const { floor, compute, memory, sharpness } = (narrow && gemmFp8) || gemm;
    const arithmetic = flops / ((wide ? gpu.flops.fp16 : this.#peakFlops) * compute);
    return { floor, arithmetic, traffic: bytes / (gpu.bandwidth * memory), flops, bytes, sharpness };
  }

  #activation(cost: StepCost, rows: number, width: number): void {
    const bytes = rows * width * activationBytes;
    this.#elementwise(cost, term.activation, this.#options.model.layers, bytes, 'act_fn', rows);
  }

  /** Float32 logits are written, scaled, reduced and drawn from. */
  #sampler(cost: StepCost, sampled: number): void {
    const { kernels, model } = this.#options;
    const bytes = 2 * sampled * model.vocab * 4;
    if (kernels?.layer?.('sampler', sampled)) {
      this.#elementwise(cost, term.sampler, 1, 3 * bytes, 'sampler', sampled);
    } else this.#elementwise(cost, term.sampler, 3, bytes);
  }

  #elementwise(cost: StepCost, at: number, times: number, bytes: number, layer?: LayerName, rows = 0): void {
    const { gpu, kernels } = this.#options;
    const { floor, memory } = gpu.efficiency.elementwise;
    const launch = { floor, arithmetic: 0, traffic: bytes / (gpu.bandwidth * memory), flops: 0, bytes };
    book(cost, at, times, launch, layer && kernels?.layer?.(layer, rows));
  }

  #allReduce(cost: StepCost, times: number, bytes: number, graph: boolean): void {
    const { tensorParallel: tp, kernels, gpu } = this.#options;
    const { interconnect } = gpu;
    const known = kernels?.allReduce?.(bytes, tp, graph);
    const latency = graph ? interconnect.graphLatency : interconnect.eagerLatency;
    const transfer = ((2 * (tp - 1)) / tp) * (bytes / interconnect.bandwidth);
    // The link is neither arithmetic nor memory: all of it is overhead.
    const floor = known?.seconds ?? latency + transfer;
    book(cost, term.all_reduce, times, { floor, arithmetic: 0, traffic: 0, flops: 0, bytes: 0 }, known);
  }
}
