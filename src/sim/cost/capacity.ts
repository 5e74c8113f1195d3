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
  readonly graphs: boolean;
}

/** Where the memory of one GPU goes. */
export interface Capacity {
  readonly total: Bytes;
  readonly usable: Bytes;
  readonly weights: Bytes;
  readonly activations: Bytes;
  /** CUDA context, graphs, communication buffers. */
  readonly context: Bytes;
  readonly kv: Bytes;
  readonly slots: Tokens;
}

/**
 * KV slots that fit: usable memory − weights − activation peak − context, over the bytes of a token,
 * on each GPU of the tensor-parallel group alike (the formula of vLLM's start-up profiling).
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
  const { total: parameters, embedding, lmHead } = parameterCount(model);
  // The token table and lm_head stay at 16 bits in quantised checkpoints; all of it is split over the group.
  const wide = embedding + lmHead;
  const weights = (wide * activationBytes + (parameters - wide) * weightBytes[options.weights]) / tp;
  const tokens = options.maxNumBatchedTokens;
  const width = (model.moe ? model.moe.activeExperts * model.moe.intermediate : model.intermediate) / tp;
  const sequences = Math.min(options.maxNumSeqs, tokens);
  // Gate and up, the activation's output, and the residual stream in and out; logits in float32, twice.
  const layer = tokens * ((model.gatedMlp ? 3 : 2) * width + 4 * model.hidden) * activationBytes;
  const logits = 2 * sequences * (model.vocab / tp) * 4;
  const activations = Math.max(layer, logits);
  const context = 450 * MiB + (options.graphs ? 300 * MiB : 0) + (tp > 1 ? 392 * MiB : 0);
  const usable = gpu.memory * options.gpuMemoryUtilization;
  const kv = usable - weights - activations - context;
  // Fewer KV heads than GPUs: each GPU holds a copy of one.
  const perToken = kvBytesPerToken(model, kvBytes[options.kv]) / Math.min(tp, model.kvHeads);
  const slots = Math.max(0, Math.floor(kv / perToken));
  return { total: gpu.memory, usable, weights, activations, context, kv, slots };
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
