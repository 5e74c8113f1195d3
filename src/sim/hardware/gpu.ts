import type { Bytes, Seconds } from '../../core/units.ts';

/** `[x, y]` points, ascending in x; read between them in log x, held flat outside. */
export type Curve = readonly (readonly [number, number])[];

/** What the cost model must know of a GPU. Peaks are the vendor's dense figures; efficiencies are fits. */
export interface Gpu {
  /** Name on the command line, e.g. `a100-80g`. */
  readonly name: string;
  /** e.g. `NVIDIA A100-SXM4-80GB`. */
  readonly title: string;
  /** Device memory as the driver reports it. */
  readonly memory: Bytes;
  /** Peak memory bandwidth, bytes/s. */
  readonly bandwidth: number;
  /** Peak dense matrix throughput by operand precision, FLOP/s. `fp8` / `int8` absent: not supported, runs at fp16. */
  readonly flops: { readonly fp16: number; readonly fp8?: number; readonly int8?: number };
  readonly efficiency: Efficiency;
  /** GPU to GPU inside a node. */
  readonly interconnect: {
    /** Usable all-reduce bus bandwidth per GPU, bytes/s. */
    readonly bandwidth: number;
    /** Latency of a small all-reduce replayed from a CUDA graph, and launched eagerly. */
    readonly graphLatency: Seconds;
    readonly eagerLatency: Seconds;
  };
  /** Host to device, one direction, bytes/s (peak of the link). */
  readonly pcie: number;
  /** Where the figures come from, in words (document, table), without URLs. */
  readonly source: string;
}

export interface GemmEfficiency {
  readonly floor: Seconds;
  readonly compute: number;
  readonly memory: number;
  readonly sharpness: number;
}

export interface Efficiency {
  /** `measured`: fitted to kernel tables of this GPU; `estimated`: carried over from a relative, named in `source`. */
  readonly basis: 'measured' | 'estimated';
  /**
   * GEMM time = floor + (c^p + b^p)^(1/p) with c = FLOPs / (peak · compute), b = bytes / (bandwidth · memory)
   * and p = `sharpness`: a roofline whose ridge is rounded, as both limits are felt near it.
   */
  readonly gemm: GemmEfficiency;
  /** The same for 8-bit floats, quantising the inputs included; absent: not measured, as `gemm`. */
  readonly gemmFp8?: GemmEfficiency;
  /** Decode attention: floor + KV bytes / (bandwidth · memory). */
  readonly decodeAttention: { readonly floor: Seconds; readonly memory: number };
  /** Prefill attention: floor + causal FLOPs / (peak · mfu(sequence length)). */
  readonly prefillAttention: { readonly floor: Seconds; readonly mfu: Curve };
  /** Element-wise kernels (norms, RoPE, activation, copies): floor + bytes / (bandwidth · memory). */
  readonly elementwise: { readonly floor: Seconds; readonly memory: number };
}
