import type { CapacityOptions } from '../../sim/cost/capacity.ts';

/** A start of vLLM on CUDA whose log was published: conditions, and what it found for the KV cache. */
export interface CapacityRecord
  extends Pick<CapacityOptions, 'weights' | 'kv' | 'compiles' | 'gpuMemoryUtilization' | 'tensorParallel'>,
    Pick<CapacityOptions, 'maxNumBatchedTokens' | 'maxNumSeqs'> {
  readonly model: string;
  readonly gpu: string;
  /** Memory of one GPU, GiB, as the log has it. */
  readonly memory: number;
  /** KV slots ("GPU KV cache size"), or GiB a GPU ("Available KV cache memory"). */
  readonly found: { readonly tokens: number } | { readonly gib: number };
  readonly profiler: NonNullable<CapacityOptions['profiler']>;
  /** `vllm 0.19.0`. */
  readonly engine: string;
  readonly source: string;
  /** Assumptions, and how a figure was had that is not printed as such. */
  readonly note?: string;
}

const planner = 'llm-d-incubation/llm-d-planner, accuracy report for vLLM v0.19.0';
const benchmark = 'llm-d/llm-d-benchmark, empirical vLLM memory profiling results';

/** An API server on an H100: 8,192 tokens and 1,024 sequences a step by default, which the log of one start confirms. */
const h100 = {
  gpu: 'h100',
  weights: 'fp16',
  kv: 'fp16',
  tensorParallel: 1,
  maxNumBatchedTokens: 8192,
  maxNumSeqs: 1024,
  compiles: true,
} as const;
const v19 = {
  ...h100,
  memory: 79.19,
  gpuMemoryUtilization: 0.95,
  profiler: 'vllm-0.19',
  engine: 'vllm 0.19.0',
  source: planner,
} as const;
const v16 = { ...v19, profiler: 'vllm-0.16', engine: 'vllm 0.16.0' } as const;
const early = {
  ...h100,
  memory: 79.18,
  gpuMemoryUtilization: 0.9,
  profiler: 'vllm-0.16',
  engine: 'vllm before 0.17',
  source: benchmark,
  note: 'version not printed: its activation peaks are those of releases that sort',
} as const;
const parts = 'the share requested less the weights, activation peak and other memory that the report prints';
const errors = "from the errors that the report prints for its own planner's figure";
/** Llama 3.3 has the shape of 3.1. */
const fp8Dynamic = { model: 'llama-3.1-70b', weights: 'fp8' } as const;

/** Rows keep what a log says of the GPU, the flags and the release; where one of these is missing there is no row. */
export const capacityRecord: readonly CapacityRecord[] = [
  { ...v19, model: 'llama-3.1-8b', found: { tokens: 476_016 } },
  { ...v19, model: 'llama-3.1-8b', kv: 'fp8', found: { tokens: 952_032 } },
  { ...v19, model: 'llama-3.1-8b', weights: 'fp8', found: { gib: 64.61 } },
  { ...v19, model: 'llama-3.1-8b', tensorParallel: 2, found: { gib: 63.76 }, note: parts },
  { ...v19, model: 'llama-3.1-8b', tensorParallel: 4, found: { gib: 67.44 }, note: parts },
  { ...v19, model: 'qwen2.5-7b', found: { tokens: 1_096_000 } },
  { ...v19, model: 'qwen2.5-7b', kv: 'fp8', found: { tokens: 2_192_000 } },
  { ...v19, model: 'qwen2.5-7b', tensorParallel: 2, found: { gib: 63.84 }, note: parts },
  { ...v19, model: 'qwen2.5-7b', tensorParallel: 4, found: { gib: 67.34 }, note: parts },
  { ...v19, model: 'qwen2.5-72b', tensorParallel: 2, found: { gib: 3.04 }, note: errors },
  { ...v19, model: 'qwen3-8b', found: { gib: 57.5 }, note: errors },
  { ...v19, model: 'qwen3-30b-a3b', found: { gib: 15.41 }, note: errors },
  { ...v19, model: 'mixtral-8x7b', tensorParallel: 2, found: { gib: 28.45 }, note: errors },
  { ...v19, ...fp8Dynamic, tensorParallel: 2, found: { gib: 37.3 }, note: errors },
  { ...v19, ...fp8Dynamic, tensorParallel: 4, found: { gib: 54.09 }, note: errors },
  { ...v19, model: 'qwen3-14b', engine: 'vllm 0.18.0', found: { gib: 45.23 } },
  { ...v19, model: 'qwen3-14b', engine: 'vllm 0.17.0', found: { gib: 45.34 } },
  { ...v16, model: 'qwen3-14b', found: { gib: 41.94 } },
  { ...early, model: 'llama-3.1-8b', found: { gib: 51.38 } },
  { ...early, ...fp8Dynamic, tensorParallel: 2, found: { gib: 32 } },
  { ...early, model: 'qwen3-0.6b', found: { gib: 64.45 } },
  { ...early, model: 'qwen3-32b', found: { gib: 4.45 } },
  { ...early, model: 'qwen3-32b', tensorParallel: 2, found: { gib: 34.49 } },
  {
    model: 'qwen2.5-14b',
    gpu: 'rtx-4090',
    memory: 23.55,
    weights: 'fp16',
    kv: 'fp16',
    tensorParallel: 2,
    gpuMemoryUtilization: 0.98,
    maxNumBatchedTokens: 2048,
    maxNumSeqs: 256,
    compiles: false,
    found: { tokens: 81_536 },
    profiler: 'vllm-0.16',
    engine: 'vllm v0 engine of February 2025',
    source: 'vllm-project/vllm issue 13061',
    note: 'DeepSeek-R1-Distill-Qwen-14B; 2,048 tokens and 256 sequences are its defaults for so long a context; no compiler',
  },
  {
    model: 'qwen3-32b',
    gpu: 'rtx-4090',
    memory: 23.52,
    weights: 'int4',
    kv: 'fp16',
    tensorParallel: 2,
    gpuMemoryUtilization: 0.85,
    maxNumBatchedTokens: 5120,
    maxNumSeqs: 72,
    compiles: false,
    found: { tokens: 5315 * 16 },
    profiler: 'vllm-0.19',
    engine: 'vllm 0.28.0',
    source: 'vllm-project/vllm pull request 54479, "unpatched warm"',
    note: 'Qwen3-32B-AWQ, a restart: compiled code from the cache; memory as other logs have this card',
  },
];
