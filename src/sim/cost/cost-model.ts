import type { Tokens } from '../../core/units.ts';
import type { Deployment } from '../deployment.ts';
import type { Curve } from '../hardware/gpu.ts';
import type {
  AttentionShape,
  GemmPrecision,
  KernelTime,
  LayerName,
  MeasuredKernels,
} from '../kernels/kernel-tables.ts';
import { activationBytes, kvBytes, type WeightPrecision, weightBytes } from './precision.ts';
import type { Runtime } from './runtimes.ts';
import { scaleCost } from './scale-cost.ts';
import type { StepShape } from './step-shape.ts';
import { emptyCost, type StepCost, term, tiers } from './terms.ts';

export interface CostOptions extends Deployment {
  readonly runtime: Runtime;
  /** Never replay CUDA graphs (vLLM's `--enforce-eager`). */
  readonly enforceEager?: boolean;
  readonly blockSize: Tokens;
  /** Measured times, used before the rooflines wherever they cover an operation. */
  readonly kernels?: MeasuredKernels;
}

/** Shares of the peak that a small PCIe copy, and the host link in general, reach. */
const host = { efficiency: 0.8, perCopy: 2e-6 };

/** What the tables call the weights' precision; activations are 16 bits wide but for `fp8`. */
const gemmPrecision: Record<WeightPrecision, GemmPrecision> = {
  fp16: 'bfloat16',
  fp8: 'fp8',
  int8: 'int8_wo',
  int4: 'int4_wo',
};

/**
 * Prices a step as a sum of operations, each read from a table of measured kernels where one is given, and
 * else a roofline with the GPU's measured efficiencies: time = floor + max(FLOPs / (peak · ec), bytes /
 * (bandwidth · em)), its ridge rounded for matrix products (`Efficiency.gemm`). All times are those of one
 * GPU of the tensor-parallel group; the others do the same at the same time.
 */
export class CostModel {
  readonly options: CostOptions;
  /** Bytes/s of the memory. */
  readonly bandwidth: number;
  /** KV bytes of one token on one GPU. */
  readonly kvBytesPerToken: number;
  /** FLOP/s of the matrix units at the precision of the weights. */
  readonly peakFlops: number;
  readonly #weightBytes: number;
  /** Costs that depend on the number of rows only, which repeat from step to step. */
  readonly #linear = new Map<number, StepCost>();
  readonly #launch: number;
  readonly #residualPerStep: number;
  readonly #residualPerSequence: number;
  readonly #decodeFloor: number;
  readonly #decodeSecondsPerSlot: number;
  readonly #decodeFlopsPerSlot: number;
  readonly #attention: AttentionShape;
  readonly #cost = emptyCost();

  constructor(options: CostOptions) {
    this.options = options;
    const { model, gpu, tensorParallel, weights, kv, runtime } = options;
    this.peakFlops = gpu.flops[weights === 'int4' ? 'fp16' : weights] ?? gpu.flops.fp16;
    this.bandwidth = gpu.bandwidth;
    this.#weightBytes = weightBytes[weights];
    const kvHeads = Math.max(1, model.kvHeads / tensorParallel);
    this.kvBytesPerToken = 2 * model.layers * kvHeads * model.headDim * kvBytes[kv];
    this.#residualPerStep = runtime.residualPerStep ?? 0;
    this.#residualPerSequence = runtime.residualPerSequence ?? 0;
    this.#launch = (options.enforceEager && runtime.eagerLaunch) || runtime.launch;
    const { decodeAttention } = gpu.efficiency;
    this.#decodeFloor = model.layers * decodeAttention.floor;
    this.#decodeSecondsPerSlot =
      (this.kvBytesPerToken * runtime.decodeAttention) / (gpu.bandwidth * decodeAttention.memory);
    this.#attention = {
      heads: model.heads / tensorParallel,
      kvHeads,
      headDim: model.headDim,
      kv,
      window: model.slidingWindow ?? 0,
    };
    this.#decodeFlopsPerSlot = (4 * model.layers * model.heads * model.headDim) / tensorParallel;
  }

  /** Prices depend on how unequal the decodes of a step are: its plan must name each. */
  get needsSpread(): boolean {
    return this.options.kernels?.needsSpread ?? false;
  }

  /** The price of a step, itemised. The returned object is reused by the next call. */
  price(shape: StepShape): StepCost {
    const { gpu, runtime, model } = this.options;
    const cost = this.#cost;
    const graph = this.#graphRows(shape);
    copyInto(cost, this.#linearCost(graph || shape.tokens, shape.sampled, graph > 0));

    if (!this.#addProfiledAttention(cost, shape)) {
      if (shape.decodes > 0) this.#addDecodes(cost, shape);
      if (shape.prefills.length > 0) this.#addPrefills(cost, shape);
    }
    if (shape.copiedTokens > 0) {
      // Old KV is read and written once more, a tensor a layer for keys and values each.
      const { floor, memory } = gpu.efficiency.elementwise;
      const launches = 2 * model.layers;
      const bytes = (2 * shape.copiedTokens * this.kvBytesPerToken) / launches;
      const speed = Math.min(gpu.bandwidth * memory, runtime.copyBandwidth ?? Number.POSITIVE_INFINITY);
      this.#add(cost, term.kv_copy, launches, floor, 0, bytes / speed, 0, bytes);
    }
    if (shape.swappedTokens > 0) {
      const bytes = shape.swappedTokens * this.kvBytesPerToken;
      const copies = 2 * model.layers * shape.swappedBlocks * host.perCopy;
      cost.terms[term.swap] = copies + bytes / (gpu.pcie * host.efficiency);
      cost.overhead += cost.terms[term.swap]!;
    }
    if (runtime.deviceScale !== undefined) scaleCost(cost, runtime.deviceScale);
    let device = 0;
    for (let i = 0; i < cost.terms.length; i++) device += cost.terms[i]!;
    if (graph === 0) {
      // Launches run ahead of the GPU; only where they are slower than it do they show.
      const launches = (model.layers * runtime.kernelsPerLayer + 6) * this.#launch;
      cost.terms[term.launch] = Math.max(0, launches - device);
      device += cost.terms[term.launch]!;
      cost.overhead += cost.terms[term.launch]!;
    }
    const cpu = runtime.cpuPerStep + runtime.cpuPerSequence * shape.sequences;
    const residual = this.#residualPerStep + this.#residualPerSequence * shape.sequences;
    cost.terms[term.cpu] = Math.max(0, (runtime.overlapped ? Math.max(0, cpu - device) : cpu) + residual);
    cost.overhead += cost.terms[term.cpu]!;
    cost.seconds = device + cost.terms[term.cpu]!;
    return cost;
  }

  /** Rows of the captured graph that replays this step, 0 if it runs eagerly. Captured: 1, 2, 4, then multiples of 8. */
  #graphRows(shape: StepShape): number {
    const { maxGraphBatch, piecewise } = this.options.runtime;
    if (this.options.enforceEager || shape.tokens > maxGraphBatch) return 0;
    if (shape.prefills.length > 0 && !piecewise) return 0;
    return shape.tokens <= 2 ? shape.tokens : shape.tokens <= 4 ? 4 : Math.ceil(shape.tokens / 8) * 8;
  }

  /** Everything but attention, copies and the CPU: a function of the rows alone. */
  #linearCost(tokens: Tokens, sampled: number, graph: boolean): StepCost {
    const key = (tokens * 2 ** 22 + sampled) * 2 + (graph ? 1 : 0);
    const known = this.#linear.get(key);
    if (known) return known;
    // Prefills come in all sizes: bound the table, for a long run must not grow it without end.
    if (this.#linear.size > 20_000) this.#linear.clear();
    const cost = emptyCost();
    const { model, tensorParallel: tp, kv } = this.options;
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
    this.#linear.set(key, cost);
    return cost;
  }

  #gemm(cost: StepCost, at: number, times: number, m: number, n: number, k: number, layer: LayerName): void {
    const { kernels, weights } = this.options;
    const known = kernels?.layer?.(layer, m) ?? kernels?.gemm?.(m, n, k, gemmPrecision[weights]);
    const bytes = n * k * this.#weightBytes + m * (n + k) * activationBytes;
    this.#gemmOf(cost, at, times, 2 * m * n * k, bytes, this.peakFlops, known);
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
    const { kernels, gpu } = this.options;
    const known = (layer && kernels?.layer?.(layer, m)) ?? kernels?.gemm?.(m, n, k, 'bfloat16');
    const bytes = (n * k + m * (n + k)) * activationBytes;
    this.#gemmOf(cost, at, times, 2 * m * n * k, bytes, gpu.flops.fp16, known);
  }

  /** Router and experts of a layer, each projection of all experts in one grouped kernel: only those that some token chose are read. */
  #addExperts(cost: StepCost, tokens: Tokens, up: number, width: number): void {
    const { model, kernels } = this.options;
    const { hidden, layers } = model;
    const { experts, activeExperts } = model.moe!;
    const touched = experts * (1 - (1 - activeExperts / experts) ** tokens);
    const rows = tokens * activeExperts;
    const block = kernels?.layer?.('moe', tokens, touched);
    if (block) {
      const bytes = touched * (up + width) * hidden * this.#weightBytes;
      this.#gemmOf(cost, term.mlp, layers, 2 * rows * (up + width) * hidden, bytes, this.peakFlops, block);
      return;
    }
    this.#wideGemm(cost, term.router, layers, tokens, experts, hidden);
    for (const [n, k] of [
      [up, hidden],
      [hidden, width],
    ] as const) {
      const bytes = touched * n * k * this.#weightBytes + rows * (n + k) * activationBytes;
      this.#gemmOf(cost, term.mlp, layers, 2 * rows * n * k, bytes, this.peakFlops, undefined);
    }
    this.#activation(cost, rows, up + width);
  }

  #gemmOf(
    cost: StepCost,
    at: number,
    times: number,
    flops: number,
    bytes: number,
    peak: number,
    known: KernelTime | undefined,
  ): void {
    const { floor, compute, memory, sharpness } = this.options.gpu.efficiency.gemm;
    const arithmetic = flops / (peak * compute);
    const traffic = bytes / (this.options.gpu.bandwidth * memory);
    this.#add(cost, at, times, floor, arithmetic, traffic, flops, bytes, known, sharpness);
  }

  #activation(cost: StepCost, rows: number, width: number): void {
    const bytes = rows * width * activationBytes;
    this.#elementwise(cost, term.activation, this.options.model.layers, bytes, 'act_fn', rows);
  }

  /** Float32 logits are written, scaled, reduced and drawn from. */
  #sampler(cost: StepCost, sampled: number): void {
    const known = this.options.kernels?.layer?.('sampler', sampled);
    const bytes = 2 * sampled * this.options.model.vocab * 4;
    if (known) this.#elementwise(cost, term.sampler, 1, 3 * bytes, 'sampler', sampled);
    else this.#elementwise(cost, term.sampler, 3, bytes);
  }

  #elementwise(cost: StepCost, at: number, times: number, bytes: number, layer?: LayerName, rows = 0): void {
    const { floor, memory } = this.options.gpu.efficiency.elementwise;
    const known = layer && this.options.kernels?.layer?.(layer, rows);
    this.#add(cost, at, times, floor, 0, bytes / (this.options.gpu.bandwidth * memory), 0, bytes, known);
  }

  #allReduce(cost: StepCost, times: number, bytes: number, graph: boolean): void {
    const { interconnect } = this.options.gpu;
    const { tensorParallel: tp, kernels } = this.options;
    const known = kernels?.allReduce?.(bytes, tp, graph);
    const latency = graph ? interconnect.graphLatency : interconnect.eagerLatency;
    const transfer = ((2 * (tp - 1)) / tp) * (bytes / interconnect.bandwidth);
    // The link is neither arithmetic nor memory: all of it is overhead.
    const seconds = known?.seconds ?? latency + transfer;
    this.#add(cost, term.all_reduce, times, seconds, 0, 0, 0, 0, known);
  }

  /** All attention of the step from a profile of whole steps; false where there is none. */
  #addProfiledAttention(cost: StepCost, shape: StepShape): boolean {
    const { kernels, model } = this.options;
    if (!kernels?.attention || shape.decodes + shape.prefills.length === 0) return false;
    const kv = shape.decodes > 0 ? shape.decodeKv / shape.decodes : 0;
    const { shortestKv: shortest, longestKv: longest } = shape;
    const decodes = { chunk: 0, key: 0, decodes: shape.decodes, kv, shortest, longest };
    let chunk = 0;
    let pairs = 0;
    for (const piece of shape.prefills) {
      chunk += piece.rows * piece.chunk;
      pairs += piece.rows * piece.chunk * (piece.past + piece.chunk / 2);
    }
    const alone = shape.decodes > 0 ? kernels.attention(decodes) : undefined;
    const whole = chunk > 0 ? kernels.attention({ ...decodes, chunk, key: pairs / chunk }) : alone;
    if (!whole) return false;
    const { layers, heads, headDim } = model;
    const { tensorParallel: tp } = this.options;
    if (shape.decodes > 0) {
      const bytes = (shape.decodeKv * this.kvBytesPerToken) / layers;
      const flops = (shape.decodeKv * this.#decodeFlopsPerSlot) / layers;
      this.#add(cost, term.decode_attention, layers, 0, 0, 1, flops, bytes, alone ?? whole);
    }
    if (chunk > 0) {
      // What the prefills add to the kernel that serves both.
      const seconds = Math.max(0, whole.seconds - (alone?.seconds ?? 0));
      const flops = (4 * pairs * heads * headDim) / tp;
      this.#add(cost, term.prefill_attention, layers, 0, 1, 0, flops, 0, { seconds, tier: whole.tier });
    }
    return true;
  }

  #addDecodes(cost: StepCost, shape: StepShape): void {
    const { kernels, model, runtime } = this.options;
    const bytes = shape.decodeKv * this.kvBytesPerToken;
    const flops = shape.decodeKv * this.#decodeFlopsPerSlot;
    const known = kernels?.decodeAttention?.(shape.decodes, shape.decodeKv / shape.decodes, this.#attention);
    if (known) {
      const { layers } = model;
      const time = { seconds: known.seconds * runtime.decodeAttention, tier: known.tier };
      const { floor } = this.options.gpu.efficiency.decodeAttention;
      this.#add(cost, term.decode_attention, layers, floor, 0, 1, flops / layers, bytes / layers, time);
      return;
    }
    const seconds = shape.decodeKv * this.#decodeSecondsPerSlot;
    cost.terms[term.decode_attention] = this.#decodeFloor + seconds;
    cost.overhead += this.#decodeFloor;
    cost.bandwidth += seconds;
    cost.bytes += bytes;
    cost.flops += flops;
  }

  /** Causal attention of each piece over its own past; the floor of the kernel once a layer. */
  #addPrefills(cost: StepCost, shape: StepShape): void {
    const { model, gpu, runtime, tensorParallel, kernels } = this.options;
    const { floor, mfu } = gpu.efficiency.prefillAttention;
    const perPair = (4 * model.heads * model.headDim) / tensorParallel;
    const bytesPerSlot = this.kvBytesPerToken / model.layers;
    const window = model.slidingWindow ?? Number.POSITIVE_INFINITY;
    const slow = runtime.prefillAttention;
    let first = true;
    for (const { rows, chunk, past } of shape.prefills) {
      // Token i of the chunk sees past + i + 1 tokens, or the window.
      const pairs = Math.min(chunk * (past + (chunk + 1) / 2), chunk * window);
      const flops = rows * pairs * perPair;
      const bytes = rows * Math.min(past + chunk, window + chunk) * bytesPerSlot;
      const arithmetic = flops / (gpu.flops.fp16 * readCurve(mfu, Math.min(past + chunk, window)));
      const traffic = bytes / (gpu.bandwidth * gpu.efficiency.decodeAttention.memory);
      const known = kernels?.prefillAttention?.(rows, chunk, past, this.#attention);
      // One kernel takes all pieces.
      const shared = first ? 0 : floor;
      const time = known && { seconds: Math.max(0, known.seconds - shared) * slow, tier: known.tier };
      this.#add(
        cost,
        term.prefill_attention,
        model.layers,
        floor - shared,
        arithmetic * slow,
        traffic * slow,
        flops,
        bytes,
        time,
      );
      first = false;
    }
  }

  /**
   * Books `times` launches of a kernel of `floor` + its limits, or of `known` seconds each. All figures are
   * those of one launch. What lies above the floor goes to the larger limit.
   */
  #add(
    cost: StepCost,
    at: number,
    times: number,
    floor: number,
    arithmetic: number,
    traffic: number,
    flops: number,
    bytes: number,
    known?: KernelTime,
    sharpness = Number.POSITIVE_INFINITY,
  ): void {
    const limit = known ? Math.max(0, known.seconds - floor) : ridge(arithmetic, traffic, sharpness);
    const overhead = known ? Math.min(floor, known.seconds) : floor;
    const seconds = times * (overhead + limit);
    cost.terms[at]! += seconds;
    if (known) cost.tabled[tiers.indexOf(known.tier)]! += seconds;
    cost.overhead += times * overhead;
    if (arithmetic > traffic) cost.compute += times * limit;
    else cost.bandwidth += times * limit;
    cost.flops += times * flops;
    cost.bytes += times * bytes;
  }
}

/** (a^p + b^p)^(1/p), the plain maximum at p = ∞; by the ratio, as seconds^p leave the range of numbers. */
function ridge(a: number, b: number, p: number): number {
  const high = Math.max(a, b);
  if (p === Number.POSITIVE_INFINITY || high === 0) return high;
  return high * (1 + (Math.min(a, b) / high) ** p) ** (1 / p);
}

function copyInto(to: StepCost, from: StepCost): void {
  to.terms.set(from.terms);
  to.tabled.set(from.tabled);
  to.compute = from.compute;
  to.bandwidth = from.bandwidth;
  to.overhead = from.overhead;
  to.flops = from.flops;
  to.bytes = from.bytes;
}

/** Linear in log x between the points, flat outside. */
export function readCurve(curve: Curve, x: number): number {
  const last = curve.length - 1;
  if (x <= curve[0]![0]) return curve[0]![1];
  if (x >= curve[last]![0]) return curve[last]![1];
  let i = 1;
  while (curve[i]![0] < x) i++;
  const [x0, y0] = curve[i - 1]!;
  const [x1, y1] = curve[i]!;
  return y0 + ((y1 - y0) * Math.log(x / x0)) / Math.log(x1 / x0);
}
