import { UsageError } from '../../core/errors.ts';
import { type Bytes, GiB, MiB, type Tokens } from '../../core/units.ts';
import type { Deployment } from '../deployment.ts';
import { gpus } from '../hardware/catalogue.ts';
import { kvBytesPerToken } from '../models/model.ts';
import { parameterCount } from '../models/parameters.ts';
import { activationBytes, kvBytes, type WeightPrecision, weightBytes } from './precision.ts';

export interface CapacityOptions extends Deployment {
  /** Share of the GPU's memory the engine may use (vLLM's `gpu_memory_utilization`). */
  readonly gpuMemoryUtilization: number;
  /** Tokens and sequences of the largest step: what the profiling run of the engine sees. */
  readonly maxNumBatchedTokens: Tokens;
  readonly maxNumSeqs: number;
  /** The engine compiles the model (vLLM's `torch.compile`), at a first start: there is no compiled code to load. */
  readonly compiles: boolean;
  /** Whose start-up profiling: vLLM up to 0.16, or since 0.17 as logs of 0.19 show it (default). */
  readonly profiler?: keyof typeof profilers;
}

/** Where the memory of one GPU goes. */
export interface Capacity {
  readonly total: Bytes;
  readonly usable: Bytes;
  readonly weights: Bytes;
  readonly activations: Bytes;
  /** What is not PyTorch's and grows after the first look at the GPU: kernels, libraries, communication buffers. */
  readonly context: Bytes;
  readonly kv: Bytes;
  readonly slots: Tokens;
}

/**
 * What differs between releases, from start-up logs of each. The CUDA context is in neither: vLLM subtracts what
 * the GPU's use grew by since its first look, which comes after. Nor are CUDA graphs: they are captured when the
 * KV cache has its size, and only vLLM 0.21 began to estimate them beforehand.
 */
const profilers = {
  'vllm-0.16': {
    // Logits in 16 and in 32 bits, sorted values and int64 indices; and the sort's own keys and two arrays of
    // pairs: 2 + 4 + 4 + 8 + 4 + 8 + 8. H100 logs show 5.64 GiB for 1,024 × 151,936.
    bytesPerLogit: 38,
    bufferedRows: 0,
    nonTorch: 0.13 * GiB,
    overPcie: 0.1 * GiB,
    overNvlink: 0.41 * GiB,
    overNvswitch: 0.41 * GiB,
  },
  'vllm-0.19': {
    // No more sort (a Triton kernel finds the thresholds): logits in 16 and in 32 bits, probabilities and the
    // exponential noise they are divided by; and one float32 row for each of some 132 multiprocessors.
    bytesPerLogit: 2 + 4 + 4 + 4,
    bufferedRows: 132,
    // H100 logs have 0.13 GiB in 0.17 and up to 0.27 in 0.19.
    nonTorch: 0.19 * GiB,
    overPcie: 0.1 * GiB,
    overNvlink: 0.41 * GiB,
    // H100: 2.06 to 2.21 GiB in all on 2 and 4 GPUs.
    overNvswitch: 1.87 * GiB,
  },
} as const;

/** PyTorch's default on Hopper; its 8 MiB on other GPUs differ by less than the logs resolve. */
const CUBLAS_WORKSPACE = 32 * MiB;

/**
 * All-reduce bandwidth, bytes/s, that tells GPUs on NVLink, and on NVLink 4 with a switch that reduces (NVLS), for
 * which vLLM and NCCL set buffers aside. MI300X counts among the latter, unmeasured.
 */
const NVLINK = 100e9;
const NVSWITCH_SHARP = 300e9;

/**
 * KV slots that fit: usable memory − weights − activation peak − context, over the bytes of a token,
 * on each GPU of the tensor-parallel group alike (the formula of vLLM's start-up profiling, at a first start).
 */
export function kvCapacity(options: CapacityOptions): Capacity {
  const capacity = measure(options);
  if (capacity.slots >= 1) return capacity;
  const { model, gpu, tensorParallel, weights } = options;
  const needs = capacity.weights + capacity.activations + capacity.context;
  throw new UsageError(
    `${model.name} does not fit on ${tensorParallel} × ${gpu.name}: ${gib(capacity.weights)} of weights ` +
      `and ${gib(needs - capacity.weights)} of activations and context a GPU leave no KV memory in the usable ` +
      `${gib(capacity.usable)}; ${whatWouldFit(options, weights)}`,
  );
}

function measure(options: CapacityOptions): Capacity {
  const { model, gpu, tensorParallel: tp } = options;
  const weights = weightsOf(options);
  const activations = activationPeak(options);
  const context = contextOf(options);
  const usable = gpu.memory * options.gpuMemoryUtilization;
  const kv = usable - weights - activations - context;
  // Fewer KV heads than GPUs: each GPU holds a copy of one.
  const perToken = kvBytesPerToken(model, kvBytes[options.kv]) / Math.min(tp, model.kvHeads);
  const slots = Math.max(0, Math.floor(kv / perToken));
  return { total: gpu.memory, usable, weights, activations, context, kv, slots };
}

function weightsOf({ model, tensorParallel: tp, weights }: CapacityOptions): Bytes {
  const { total: parameters, embedding, lmHead } = parameterCount(model);
  // The token table and lm_head stay at 16 bits in quantised checkpoints; all of it is split over the group.
  const wide = embedding + lmHead;
  const stored = (wide * activationBytes + (parameters - wide) * weightBytes[weights]) / tp;
  // The table of sines and cosines for every position, on each GPU: logs show it in "Model loading took".
  const rope = model.learnedPositions > 0 ? 0 : model.maxModelLen * model.headDim * activationBytes;
  return stored + rope;
}

/**
 * What vLLM's `profile_run` measures: the largest of a decoder layer on a full step, the sampler on
 * every sequence, and the compiler at work, beside buffers that stay.
 */
function activationPeak(options: CapacityOptions): Bytes {
  const { model, tensorParallel: tp, maxNumBatchedTokens: tokens } = options;
  const { bytesPerLogit, bufferedRows } = profilers[options.profiler ?? 'vllm-0.19'];
  const { moe } = model;
  const hidden = tokens * model.hidden * activationBytes;
  // Gate and up and the activation's output; of experts, for every one a token is routed to, and kept as a
  // workspace: the first matrix and what the second makes of it take turns in one half.
  const experts = moe ? moe.activeExperts * (moe.intermediate / tp + expertWidth(options)) : 0;
  const workspace = CUBLAS_WORKSPACE + tokens * experts * activationBytes;
  const mlp = moe ? 0 : (tokens * (model.gatedMlp ? 3 : 2) * model.intermediate * activationBytes) / tp;
  // Beside it the output of the attention, the residual stream, and both normalised.
  const layer = mlp + 4 * hidden;
  // Every GPU of the group has the logits of the whole vocabulary.
  const sequences = Math.min(options.maxNumSeqs, tokens);
  const buffer = Math.min(sequences, bufferedRows) * 4;
  const sampler = model.vocab * (sequences * bytesPerLogit + buffer) + hidden;
  // A cold compilation counts as activations (vLLM issues 54122 and 54383; a restart loads compiled code). Its peak
  // is a second table of tokens and a step's vectors: as when Inductor times the look-up on random tables. No log
  // says so, but 1.05 and 1.10 GiB on pipeline stages without sampler (Llama-3.1-8B), and what restarts regain, agree.
  // It comes before the first multiplication, without the workspaces.
  const table = (parameterCount(model).embedding * activationBytes) / tp;
  const compiler = options.compiles ? table + 2 * hidden : 0;
  return Math.max(workspace + Math.max(layer, sampler), compiler);
}

function expertWidth({ model, tensorParallel: tp }: CapacityOptions): number {
  const { intermediate } = model.moe!;
  return Math.max(((model.gatedMlp ? 2 : 1) * intermediate) / tp, model.hidden);
}

function contextOf({ gpu, tensorParallel: tp, profiler = 'vllm-0.19' }: CapacityOptions): Bytes {
  const { nonTorch, overPcie, overNvlink, overNvswitch } = profilers[profiler];
  if (tp === 1) return nonTorch;
  const { bandwidth } = gpu.interconnect;
  if (bandwidth >= NVSWITCH_SHARP) return nonTorch + overNvswitch;
  return nonTorch + (bandwidth >= NVLINK ? overNvlink : overPcie);
}

/** What the user may do, in order: more of the same GPU, a larger one, smaller weights. */
function whatWouldFit(options: CapacityOptions, weights: WeightPrecision): string {
  const fits = (change: Partial<CapacityOptions>) =>
    measure({ ...options, ...change }).slots >= options.model.maxModelLen / 8;
  const ways: string[] = [];
  const more = [2, 4, 8].find(
    tp => tp > options.tensorParallel && options.model.heads % tp === 0 && fits({ tensorParallel: tp }),
  );
  if (more) ways.push(`--tensor-parallel ${more}`);
  const larger = [...gpus]
    .sort((a, b) => a.memory - b.memory)
    .find(gpu => gpu.memory > options.gpu.memory && fits({ gpu }));
  if (larger) ways.push(`--gpu ${larger.name}`);
  for (const smaller of ['fp8', 'int4'] as const) {
    if (smaller !== weights && fits({ weights: smaller })) {
      ways.push(`--weights ${smaller}`);
      break;
    }
  }
  return ways.length > 0
    ? `try ${ways.join(' or ')}`
    : 'no single change makes room: combine a larger GPU, more of them and smaller weights';
}

const gib = (bytes: Bytes) => `${(bytes / GiB).toFixed(1)} GiB`;
