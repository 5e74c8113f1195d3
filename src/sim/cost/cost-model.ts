import type { Tokens } from '../../core/units.ts';
import type { Deployment } from '../deployment.ts';
import type { Curve } from '../hardware/gpu.ts';
import { activationBytes, kvBytes, weightBytes } from './precision.ts';
import type { Runtime } from './runtimes.ts';
import type { StepShape } from './step-shape.ts';
import { emptyCost, type StepCost, term } from './terms.ts';

export interface CostOptions extends Deployment {
  readonly runtime: Runtime;
  /** Never replay CUDA graphs (vLLM's `--enforce-eager`). */
  readonly enforceEager?: boolean;
  readonly blockSize: Tokens;
}

/** Shares of the peak that a small PCIe copy, and the host link in general, reach. */
const host = { efficiency: 0.8, perCopy: 2e-6 };

/**
 * Prices a step as a sum of operations, each a roofline with the GPU's measured efficiencies:
 * time = floor + max(FLOPs / (peak · ec), bytes / (bandwidth · em)). All times are those of one GPU of
 * the tensor-parallel group; the others do the same at the same time.
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
  readonly #decodeFloor: number;
  readonly #decodeSecondsPerSlot: number;
  readonly #decodeFlopsPerSlot: number;
  readonly #cost = emptyCost();

  constructor(options: CostOptions) {
    this.options = options;
    const { model, gpu, tensorParallel, weights, kv, runtime } = options;
    this.peakFlops = gpu.flops[weights === 'int4' ? 'fp16' : weights] ?? gpu.flops.fp16;
    this.bandwidth = gpu.bandwidth;
    this.#weightBytes = weightBytes[weights];
    const kvHeads = Math.max(1, model.kvHeads / tensorParallel);
    this.kvBytesPerToken = 2 * model.layers * kvHeads * model.headDim * kvBytes[kv];
    this.#launch = (options.enforceEager && runtime.eagerLaunch) || runtime.launch;
    const { decodeAttention } = gpu.efficiency;
    this.#decodeFloor = model.layers * decodeAttention.floor;
    this.#decodeSecondsPerSlot =
      (this.kvBytesPerToken * runtime.decodeAttention) / (gpu.bandwidth * decodeAttention.memory);
    this.#decodeFlopsPerSlot = (4 * model.layers * model.heads * model.headDim) / tensorParallel;
  }

  /** The price of a step, itemised. The returned object is reused by the next call. */
  price(shape: StepShape): StepCost {
    const { gpu, runtime, model } = this.options;
    const cost = this.#cost;
    const graph = this.#graphRows(shape);
    copyInto(cost, this.#linearCost(graph || shape.tokens, shape.sampled, graph > 0));

    if (shape.decodes > 0) {
      const seconds = shape.decodeKv * this.#decodeSecondsPerSlot;
      cost.terms[term.decode_attention] = this.#decodeFloor + seconds;
      cost.overhead += this.#decodeFloor;
      cost.bandwidth += seconds;
      cost.bytes += shape.decodeKv * this.kvBytesPerToken;
      cost.flops += shape.decodeKv * this.#decodeFlopsPerSlot;
    }
    if (shape.prefills.length > 0) this.#addPrefills(cost, shape);
    if (shape.copiedTokens > 0) {
      // Old KV is read and written once more, a tensor a layer for keys and values each.
      const { floor, memory } = gpu.efficiency.elementwise;
      const bytes = 2 * shape.copiedTokens * this.kvBytesPerToken;
      this.#add(cost, term.kv_copy, 2 * model.layers * floor, 0, bytes / (gpu.bandwidth * memory), 0, bytes);
    }
    if (shape.swappedTokens > 0) {
      const bytes = shape.swappedTokens * this.kvBytesPerToken;
      const copies = 2 * model.layers * shape.swappedBlocks * host.perCopy;
      cost.terms[term.swap] = copies + bytes / (gpu.pcie * host.efficiency);
      cost.overhead += cost.terms[term.swap]!;
    }
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
    cost.terms[term.cpu] = runtime.overlapped ? Math.max(0, cpu - device) : cpu;
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

    this.#elementwise(cost, term.embedding, 1, 2 * tokens * row);
    // Two a layer, each with the residual added: reads two rows, writes two.
    this.#elementwise(cost, term.norm, 2 * layers, 4 * tokens * row);
    this.#elementwise(cost, term.norm, 1, 2 * tokens * row);
    this.#gemm(cost, term.qkv, layers, tokens, queries + 2 * keys, hidden);
    // Queries and keys are rotated, unless positions are learned; keys and values are written to their slots.
    const rotated = model.learnedPositions > 0 ? 0 : 2 * (queries + keys) * activationBytes;
    const rope = tokens * (rotated + 2 * keys * (activationBytes + kvBytes[kv]));
    this.#elementwise(cost, term.rope, layers, rope);
    if (model.qkNorm)
      this.#elementwise(cost, term.norm, layers, 2 * tokens * (queries + keys) * activationBytes);
    this.#gemm(cost, term.o_proj, layers, tokens, hidden, queries);
    if (moe) {
      this.#wideGemm(cost, term.router, layers, tokens, moe.experts, hidden);
      this.#experts(cost, tokens, up, width);
    } else {
      this.#gemm(cost, term.mlp, layers, tokens, up, hidden);
      this.#gemm(cost, term.mlp, layers, tokens, hidden, width);
    }
    const active = moe?.activeExperts ?? 1;
    this.#elementwise(cost, term.activation, layers, tokens * active * (up + width) * activationBytes);
    // Two a layer, and one behind the token table, which is split by vocabulary.
    if (tp > 1) this.#allReduce(cost, 2 * layers + 1, tokens * row, graph);
    if (sampled > 0) {
      // Float32 logits are written, scaled, reduced and drawn from.
      this.#wideGemm(cost, term.lm_head, 1, sampled, vocab / tp, hidden);
      this.#elementwise(cost, term.sampler, 3, 2 * sampled * vocab * 4);
    }
    this.#linear.set(key, cost);
    return cost;
  }

  #gemm(cost: StepCost, at: number, times: number, m: number, n: number, k: number): void {
    const bytes = n * k * this.#weightBytes + m * (n + k) * activationBytes;
    this.#gemmOf(cost, at, times, 2 * m * n * k, bytes, this.peakFlops);
  }

  /** A matrix that quantised checkpoints leave at 16 bits: lm_head and router (`kvCapacity` counts them so, too). */
  #wideGemm(cost: StepCost, at: number, times: number, m: number, n: number, k: number): void {
    const bytes = (n * k + m * (n + k)) * activationBytes;
    this.#gemmOf(cost, at, times, 2 * m * n * k, bytes, this.options.gpu.flops.fp16);
  }

  /** All experts of a layer in one grouped kernel for each projection: only those that some token chose are read. */
  #experts(cost: StepCost, tokens: Tokens, up: number, width: number): void {
    const { model } = this.options;
    const { hidden, layers } = model;
    const { experts, activeExperts } = model.moe!;
    const touched = experts * (1 - (1 - activeExperts / experts) ** tokens);
    const rows = tokens * activeExperts;
    for (const [n, k] of [
      [up, hidden],
      [hidden, width],
    ] as const) {
      const bytes = touched * n * k * this.#weightBytes + rows * (n + k) * activationBytes;
      this.#gemmOf(cost, term.mlp, layers, 2 * rows * n * k, bytes, this.peakFlops);
    }
  }

  #gemmOf(cost: StepCost, at: number, times: number, flops: number, bytes: number, peak: number): void {
    const { floor, compute, memory } = this.options.gpu.efficiency.gemm;
    const arithmetic = flops / (peak * compute);
    const traffic = bytes / (this.options.gpu.bandwidth * memory);
    this.#add(cost, at, times * floor, times * arithmetic, times * traffic, times * flops, times * bytes);
  }

  #elementwise(cost: StepCost, at: number, times: number, bytes: number): void {
    const { floor, memory } = this.options.gpu.efficiency.elementwise;
    const traffic = bytes / (this.options.gpu.bandwidth * memory);
    this.#add(cost, at, times * floor, 0, times * traffic, 0, times * bytes);
  }

  #allReduce(cost: StepCost, times: number, bytes: number, graph: boolean): void {
    const { interconnect } = this.options.gpu;
    const tp = this.options.tensorParallel;
    const latency = graph ? interconnect.graphLatency : interconnect.eagerLatency;
    const transfer = ((2 * (tp - 1)) / tp) * (bytes / interconnect.bandwidth);
    cost.terms[term.all_reduce]! += times * (latency + transfer);
    cost.overhead += times * (latency + transfer);
  }

  /** Causal attention of each piece over its own past; the floor of the kernel once a layer. */
  #addPrefills(cost: StepCost, shape: StepShape): void {
    const { model, gpu, runtime, tensorParallel } = this.options;
    const { floor, mfu } = gpu.efficiency.prefillAttention;
    const perPair = (4 * model.layers * model.heads * model.headDim) / tensorParallel;
    const window = model.slidingWindow ?? Number.POSITIVE_INFINITY;
    let arithmetic = 0;
    let flops = 0;
    let slots = 0;
    for (const { rows, chunk, past } of shape.prefills) {
      // Token i of the chunk sees past + i + 1 tokens, or the window.
      const pairs = Math.min(chunk * (past + (chunk + 1) / 2), chunk * window);
      const work = rows * pairs * perPair;
      flops += work;
      arithmetic += work / (gpu.flops.fp16 * readCurve(mfu, Math.min(past + chunk, window)));
      slots += rows * Math.min(past + chunk, window + chunk);
    }
    const bytes = slots * this.kvBytesPerToken;
    const traffic = bytes / (gpu.bandwidth * gpu.efficiency.decodeAttention.memory);
    const slow = runtime.prefillAttention;
    this.#add(
      cost,
      term.prefill_attention,
      model.layers * floor,
      arithmetic * slow,
      traffic * slow,
      flops,
      bytes,
    );
  }

  #add(
    cost: StepCost,
    at: number,
    floor: number,
    arithmetic: number,
    traffic: number,
    flops: number,
    bytes: number,
  ): void {
    cost.terms[at]! += floor + Math.max(arithmetic, traffic);
    cost.overhead += floor;
    if (arithmetic > traffic) cost.compute += arithmetic;
    else cost.bandwidth += traffic;
    cost.flops += flops;
    cost.bytes += bytes;
  }
}

function copyInto(to: StepCost, from: StepCost): void {
  to.terms.set(from.terms);
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
