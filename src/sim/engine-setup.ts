import { UsageError } from '../core/errors.ts';
import type { KvMemory } from '../core/kv-memory.ts';
import { createMemory } from '../core/memory/create.ts';
import { longestRequest } from '../core/memory/longest-request.ts';
import type { Limits, Policy } from '../core/policies/policy.ts';
import { GiB, type Tokens } from '../core/units.ts';
import { type Capacity, kvCapacity } from './cost/capacity.ts';
import { CostModel } from './cost/cost-model.ts';
import { type Overheads, withOverheads } from './cost/overhead-profile.ts';
import { runtimes } from './cost/runtimes.ts';
import type { Deployment } from './deployment.ts';
import type { KernelChoice } from './kernels/open-kernels.ts';

/** The machine, the model on it, and what an operator sets over the policy's defaults. */
export interface EngineOptions extends Deployment {
  readonly policy: Policy;
  readonly gpuMemoryUtilization: number;
  readonly limits?: Partial<Limits>;
  /** KV blocks (of the policy's block size), instead of what the memory formula gives. */
  readonly numGpuBlocks?: number;
  /** KV slots, instead of what the memory formula gives: the same for every policy. */
  readonly kvSlots?: Tokens;
  readonly enforceEager?: boolean;
  readonly kernels?: KernelChoice;
  /** As calibrated, instead of the engine's presets. */
  readonly overheads?: Overheads;
}

/** An engine ready to simulate: resolved limits, memory of the right size, prices. */
export interface EngineSetup {
  readonly policy: Policy;
  readonly limits: Limits;
  readonly slots: Tokens;
  /** Where the memory of one GPU goes; undefined when the KV size was given. */
  readonly capacity: Capacity | undefined;
  readonly cost: CostModel;
  createMemory(): KvMemory;
}

/** Host memory of one GPU for swapped requests, wherever a policy swaps: vLLM's `--swap-space`. */
const SWAP_SPACE = 4 * GiB;

export function setUpEngine(options: EngineOptions): EngineSetup {
  const { policy, model, gpu, tensorParallel, weights, kv, gpuMemoryUtilization } = options;
  if (model.heads % tensorParallel !== 0) {
    throw new UsageError(
      `--tensor-parallel ${tensorParallel} does not divide the ${model.heads} attention heads of ${model.name}; try ` +
        `${[2, 4, 8, 16].filter(tp => model.heads % tp === 0).join(', ') || 1}`,
    );
  }
  const preset = runtimes[policy.runtime];
  const runtime = options.overheads ? withOverheads(preset, options.overheads) : preset;
  const machine = { gpuMemory: gpu.memory, isA100: gpu.name.startsWith('a100') };
  const defaults = policy.limits({
    ...machine,
    maxModelLen: options.limits?.maxModelLen ?? model.maxModelLen,
  });
  const wished: Limits = { ...defaults, ...options.limits };
  const given = options.kvSlots ?? (options.numGpuBlocks && options.numGpuBlocks * wished.blockSize);
  const capacity = given
    ? undefined
    : kvCapacity({
        model,
        gpu,
        tensorParallel,
        weights,
        kv,
        gpuMemoryUtilization,
        // Whole prompts without a limit: the longest context is the largest step to count on.
        maxNumBatchedTokens: finite(wished.maxNumBatchedTokens, wished.maxModelLen),
        maxNumSeqs: finite(wished.maxNumSeqs, 256),
        // Graphs in pieces around the attention are what vLLM's compiler makes.
        compiles: runtime.piecewise === true && !options.enforceEager,
      });
  const slots = given ?? capacity!.slots;
  const limits = checkLimits(options, { ...wished, maxModelLen: fitContext(options, wished, slots) });
  const cost = new CostModel({
    model,
    gpu,
    runtime,
    tensorParallel,
    weights,
    kv,
    blockSize: limits.blockSize,
    ...(options.enforceEager !== undefined && { enforceEager: options.enforceEager }),
    ...(options.kernels && { kernels: options.kernels(policy.runtime) }),
  });
  const site = {
    slots,
    hostSlots: policy.preemption === 'recompute' ? 0 : Math.floor(SWAP_SPACE / cost.kvBytesPerToken),
    ...(model.slidingWindow !== undefined && { slidingWindow: model.slidingWindow }),
  };
  return {
    policy,
    limits,
    slots,
    capacity,
    cost,
    createMemory: () => createMemory(policy.memory, limits, site),
  };
}

/** One request of the longest context must fit, or the engine could wait for ever: vLLM refuses to start then. */
function fitContext(options: EngineOptions, limits: Limits, slots: Tokens): Tokens {
  const whole = longestRequest(options.policy.memory, limits, slots);
  if (limits.maxModelLen <= whole) return limits.maxModelLen;
  if (options.limits?.maxModelLen !== undefined) {
    const given = options.kvSlots
      ? '--kv-slots'
      : options.numGpuBlocks
        ? '--num-gpu-blocks-override'
        : undefined;
    const memory = given
      ? `the KV memory (${given})`
      : `the KV memory of ${options.model.name} on ${options.gpu.name}`;
    const more = given ? `raise ${given}` : 'add memory (--tensor-parallel, --kv-cache-dtype fp8)';
    throw new UsageError(
      `--max-model-len ${limits.maxModelLen} does not fit: ${memory} holds ${whole} tokens of one request under ` +
        `${options.policy.name}; lower it, or ${more}`,
    );
  }
  if (whole < 1)
    throw new UsageError(`the KV memory holds less than one block of ${limits.blockSize} tokens`);
  return whole;
}

function checkLimits({ policy }: EngineOptions, limits: Limits): Limits {
  if (policy.batching().chunking === 'none' && limits.maxNumBatchedTokens < limits.maxModelLen) {
    throw new UsageError(
      `${policy.name} runs prompts whole: --max-num-batched-tokens ${limits.maxNumBatchedTokens} must be at least ` +
        `--max-model-len (${limits.maxModelLen})`,
    );
  }
  if (
    limits.maxNumBatchedTokens < limits.maxNumSeqs &&
    Number.isFinite(limits.maxNumSeqs) &&
    policy.batching().mix === 'mixed'
  ) {
    throw new UsageError(
      `--max-num-batched-tokens ${limits.maxNumBatchedTokens} must be at least --max-num-seqs (${limits.maxNumSeqs}): ` +
        'every running sequence takes a token a step; set both',
    );
  }
  return limits;
}

function finite(value: number, otherwise: number): number {
  return Number.isFinite(value) ? value : otherwise;
}
