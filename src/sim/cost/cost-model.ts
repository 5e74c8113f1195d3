import type { Tokens } from '../../core/units.ts';
import type { Deployment } from '../deployment.ts';
import type { Curve } from '../hardware/gpu.ts';
import type { AttentionShape, MeasuredKernels } from '../kernels/kernel-tables.ts';
import { book } from './launch.ts';
import { LinearCost } from './linear-cost.ts';
import { kvBytes } from './precision.ts';
import type { Runtime } from './runtimes.ts';
import { scaleCost } from './scale-cost.ts';
import type { StepShape } from './step-shape.ts';
import { emptyCost, type StepCost, term } from './terms.ts';

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
  readonly #linear: LinearCost;
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
    this.#linear = new LinearCost(options, this.peakFlops);
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
    copyInto(cost, this.#linear.of(graph || shape.tokens, shape.sampled, graph > 0));

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
      const copy = { floor, arithmetic: 0, traffic: bytes / speed, flops: 0, bytes };
      book(cost, term.kv_copy, launches, copy);
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

  /** All attention of the step from a profile of whole steps; false where there is none. */
  #addProfiledAttention(cost: StepCost, shape: StepShape): boolean {
    const { kernels, model, runtime } = this.options;
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
    if (!whole || (shape.decodes > 0 && !alone)) return false;
    const { layers, heads, headDim } = model;
    const { tensorParallel: tp } = this.options;
    if (alone) {
      const bytes = (shape.decodeKv * this.kvBytesPerToken) / layers;
      const flops = (shape.decodeKv * this.#decodeFlopsPerSlot) / layers;
      const launch = { floor: 0, arithmetic: 0, traffic: 1, flops, bytes };
      const time = { seconds: alone.seconds * runtime.decodeAttention, tier: alone.tier };
      book(cost, term.decode_attention, layers, launch, time);
    }
    if (chunk > 0) {
      // What the prefills add to the kernel that serves both.
      const seconds = Math.max(0, whole.seconds - (alone?.seconds ?? 0)) * runtime.prefillAttention;
      const flops = (4 * pairs * heads * headDim) / tp;
      const launch = { floor: 0, arithmetic: 1, traffic: 0, flops, bytes: 0 };
      book(cost, term.prefill_attention, layers, launch, { seconds, tier: whole.tier });
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
      const launch = { floor, arithmetic: 0, traffic: 1, flops: flops / layers, bytes: bytes / layers };
      book(cost, term.decode_attention, layers, launch, time);
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
      const launch = {
        floor: floor - shared,
        arithmetic: arithmetic * slow,
        traffic: traffic * slow,
        flops,
        bytes,
      };
      book(cost, term.prefill_attention, model.layers, launch, time);
      first = false;
    }
  }
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
