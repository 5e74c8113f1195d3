import type { Policy } from '../../core/policies/policy.ts';
import type { Seconds } from '../../core/units.ts';

/** What an engine adds to the kernels: launches, Python, and how good its attention is. */
export interface Runtime {
  /** Most rows of a step that is replayed from CUDA graphs; 0: eager only. */
  readonly maxGraphBatch: number;
  /** Steps with prefills are replayed as well, in pieces around the attention (vLLM v1). */
  readonly piecewise?: boolean;
  /** Kernels of one layer, and of the rest of a step. */
  readonly kernelsPerLayer: number;
  /** Time on the CPU to launch one kernel eagerly; hides behind the GPU as long as that is busier. */
  readonly launch: Seconds;
  /** The same where neither graphs nor a compiler are used (`--enforce-eager`): each operation from Python. */
  readonly eagerLaunch?: Seconds;
  /** CPU work of a step, and per sequence in it: schedule, prepare inputs, sample, detokenise. */
  readonly cpuPerStep: Seconds;
  readonly cpuPerSequence: Seconds;
  /** The CPU prepares step t+1 while t runs (asynchronous scheduling). */
  readonly overlapped: boolean;
  /** Decode and prefill attention against the best kernels of the GPU (the measured ones are paged). */
  readonly decodeAttention: number;
  readonly prefillAttention: number;
  readonly source: string;
}

// vLLM 0.2 as profiled for Vidur on an A100 (schedule + sampler + inputs + outputs + ray): 1.4 ms at 8
// sequences, 4.0 ms at 64, 7.4 ms at 128.
const vllm02 = { cpuPerStep: 1.0e-3, cpuPerSequence: 49e-6, overlapped: false };

/** Overheads by `Policy.runtime`. Those without a measurement say so; `quire calibrate` is to replace them. */
export const runtimes: Record<Policy['runtime'], Runtime> = {
  vllm: {
    maxGraphBatch: 512,
    piecewise: true,
    eagerLaunch: 25e-6,
    kernelsPerLayer: 11,
    launch: 4.5e-6,
    cpuPerStep: 1.2e-3,
    cpuPerSequence: 8e-6,
    overlapped: true,
    decodeAttention: 1,
    prefillAttention: 1,
    source: 'vLLM v1: CUDA graphs to 512, asynchronous scheduling; CPU figures estimated',
  },
  'vllm-v0': {
    maxGraphBatch: 0,
    kernelsPerLayer: 13,
    launch: 5e-6,
    ...vllm02,
    // The paper's own kernel against FasterTransformer's: 20–26 % slower (§7.1).
    decodeAttention: 1.23,
    prefillAttention: 1.2,
    source: 'vLLM 0.2 CPU overheads profiled for Vidur; paged-kernel penalty from the vLLM paper §7.1',
  },
  transformers: {
    maxGraphBatch: 0,
    // About 0.65 ms of Python and launches a layer: 26 ms a token for 40 layers, whatever the batch.
    kernelsPerLayer: 45,
    launch: 14e-6,
    cpuPerStep: 1e-3,
    cpuPerSequence: 5e-6,
    overlapped: false,
    // Unfused attention reads K and V, writes scores in float32, and reads them again.
    decodeAttention: 2,
    prefillAttention: 3,
    source: 'Transformers 4.30 eager; estimated',
  },
  deepspeed: {
    maxGraphBatch: 0,
    kernelsPerLayer: 12,
    launch: 8e-6,
    cpuPerStep: 3e-3,
    cpuPerSequence: 5e-6,
    overlapped: false,
    decodeAttention: 1.1,
    prefillAttention: 1.5,
    source: 'DeepSpeed-Inference with kernel injection under generate(); estimated',
  },
  'faster-transformer': {
    maxGraphBatch: 0,
    kernelsPerLayer: 12,
    launch: 4e-6,
    cpuPerStep: 0.3e-3,
    cpuPerSequence: 1e-6,
    overlapped: false,
    decodeAttention: 1,
    prefillAttention: 1,
    source: 'C++ runtime; estimated',
  },
  orca: {
    maxGraphBatch: 0,
    kernelsPerLayer: 13,
    launch: 5e-6,
    ...vllm02,
    decodeAttention: 1,
    prefillAttention: 1.2,
    source: "the vLLM authors' re-implementation: vLLM's overheads, FasterTransformer's attention",
  },
  'tgi-0.8': {
    maxGraphBatch: 0,
    kernelsPerLayer: 16,
    launch: 6e-6,
    cpuPerStep: 2.5e-3,
    cpuPerSequence: 40e-6,
    overlapped: false,
    decodeAttention: 1.3,
    prefillAttention: 1,
    source: 'TGI 0.8 flash models (flash attention with a query of one token), Python server; estimated',
  },
  tgi: {
    maxGraphBatch: 32,
    eagerLaunch: 20e-6,
    kernelsPerLayer: 12,
    launch: 5e-6,
    cpuPerStep: 1.5e-3,
    cpuPerSequence: 12e-6,
    overlapped: false,
    decodeAttention: 1,
    prefillAttention: 1,
    source: 'TGI 3: CUDA graphs to 32, Python server; estimated',
  },
  sarathi: {
    maxGraphBatch: 0,
    kernelsPerLayer: 13,
    launch: 5e-6,
    ...vllm02,
    decodeAttention: 1.1,
    prefillAttention: 1.1,
    source: 'a fork of vLLM 0.2: its CPU overheads as profiled for Vidur',
  },
  fastgen: {
    maxGraphBatch: 0,
    kernelsPerLayer: 12,
    launch: 5e-6,
    cpuPerStep: 1.5e-3,
    cpuPerSequence: 10e-6,
    overlapped: true,
    decodeAttention: 1,
    prefillAttention: 1,
    source: 'DeepSpeed-MII schedules during the forward; estimated',
  },
  sglang: {
    maxGraphBatch: 160,
    eagerLaunch: 25e-6,
    kernelsPerLayer: 11,
    launch: 4.5e-6,
    cpuPerStep: 1.0e-3,
    cpuPerSequence: 6e-6,
    overlapped: true,
    decodeAttention: 1,
    prefillAttention: 1,
    source: 'SGLang: CUDA graphs to 160, overlap scheduler; estimated',
  },
  'nano-vllm': {
    maxGraphBatch: 512,
    eagerLaunch: 25e-6,
    kernelsPerLayer: 12,
    launch: 4.5e-6,
    cpuPerStep: 1.0e-3,
    cpuPerSequence: 12e-6,
    overlapped: false,
    decodeAttention: 1,
    prefillAttention: 1,
    source: 'nano-vllm: CUDA graphs to 512, synchronous loop; estimated',
  },
};
