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
  /**
   * What a measured run showed beside all this (`quire calibrate`): seconds of a step, and per sequence in it,
   * that nothing hides; below 0 they take from the CPU work that shows, and from nothing else. Default 0.
   */
  readonly residualPerStep?: Seconds;
  readonly residualPerSequence?: Seconds;
  /** HTTP, tokeniser and network of one request: in what its client measures, not in the engine. Default 0. */
  readonly apiPerRequest?: Seconds;
  /** Multiplies the time of the kernels. Default 1. */
  readonly deviceScale?: number;
  /** Bytes/s, read and written, that copies of KV reach at most. Default: what the memory gives. */
  readonly copyBandwidth?: number;
  /** Decode and prefill attention against the best kernels of the GPU (the measured ones are paged). */
  readonly decodeAttention: number;
  readonly prefillAttention: number;
  readonly source: string;
}

// vLLM 0.2 as profiled for Vidur on an A100 (schedule + sampler + inputs + outputs + ray): 1.4 ms at 8
// sequences, 4.0 ms at 64, 7.4 ms at 128.
const vllm02 = { cpuPerStep: 1.0e-3, cpuPerSequence: 49e-6, overlapped: false };

// Nothing was compiled or captured: 19 operations a layer of OPT, 0.29 ms of Python in all when run again with
// PyTorch 2.11 on a current Xeon. GPUs as busy as those of the paper hide it.
const eagerVllm = {
  maxGraphBatch: 0,
  kernelsPerLayer: 19,
  launch: 15e-6,
  ...vllm02,
  // The paper's own kernel against FasterTransformer's: 20–26 % slower (§7.1).
  decodeAttention: 1.23,
  prefillAttention: 1.2,
};

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
    residualPerStep: 0.2e-3,
    decodeAttention: 1,
    prefillAttention: 1,
    source:
      'vLLM v1: CUDA graphs to 512, asynchronous scheduling; the GPU waits 0.2 ms between steps (calibrated with ' +
      'measured kernels on a run of vLLM 0.19, 0.06 to 0.32); CPU figures behind it estimated',
  },
  'vllm-v0': {
    ...eagerVllm,
    source:
      'vLLM 0.2 CPU overheads profiled for Vidur; launches measured; paged-kernel penalty from the vLLM paper §7.1',
  },
  transformers: {
    maxGraphBatch: 0,
    // Counted on an H200, for the Llama code of 4.30 written anew on PyTorch 2.11. Each costs 12 to 14 µs of Python
    // on that machine's CPU; published speeds lie between 14 µs and 29 µs (7B: 25, 37, 42 and 53 ms a token).
    kernelsPerLayer: 56,
    launch: 20e-6,
    cpuPerStep: 1e-3,
    cpuPerSequence: 5e-6,
    overlapped: false,
    // 43 small kernels a layer more than fused ones, 2 µs each on the H200: a tenth of a step on an A100 or A10G.
    deviceScale: 1.1,
    // The decode kernels read K and V once: at most 1.3 times the paged kernel (4 × 1,800 tokens on the H200).
    decodeAttention: 1.3,
    // Scores of the whole square are written, scaled, masked, clamped and turned to float32 and back: 28 bytes each.
    prefillAttention: 6,
    source:
      'Transformers 4.30 eager; kernels, memory and attention measured on an H200, launches from published speeds',
  },
  deepspeed: {
    maxGraphBatch: 0,
    kernelsPerLayer: 12,
    // Fewer operations than in Transformers, but each from Python, too.
    launch: 20e-6,
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
    ...eagerVllm,
    source:
      "the vLLM authors' re-implementation inside vLLM (their artifact): its overheads, and its kernel, for it reads " +
      'through block tables as well',
  },
  'tgi-0.8': {
    maxGraphBatch: 0,
    kernelsPerLayer: 16,
    // Each operation from Python, as in Transformers.
    launch: 20e-6,
    cpuPerStep: 2.5e-3,
    // Two small launches a row (22 µs), two detokenisations of its last tokens, its message to the router.
    cpuPerSequence: 90e-6,
    overlapped: false,
    decodeAttention: 1.3,
    prefillAttention: 1,
    // The tensor grows by an indexed copy, bound by its index arithmetic: 0.86 TB/s on an H200 whatever the size,
    // which per multiprocessor and cycle is 0.5 on an A100; an A10G's memory is no faster.
    copyBandwidth: 0.5e12,
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
  trtllm: {
    maxGraphBatch: 128,
    // Not compiled: every operation of a step that no graph replays comes from Python.
    kernelsPerLayer: 12,
    launch: 20e-6,
    cpuPerStep: 2.2e-3,
    cpuPerSequence: 69e-6,
    overlapped: true,
    decodeAttention: 1,
    prefillAttention: 1,
    source:
      'TensorRT-LLM 1.0, PyTorch backend: CUDA graphs to 128, overlap scheduler; CPU read off AIConfigurator’s rows of ' +
      'Llama-3.1-8B on eight H100, whose steps of 8 to 128 sequences take 2.2 ms + 69 µs a sequence and not the GPU’s time',
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
