import { MiB } from '../../core/units.ts';
import type { Efficiency, Gpu } from './gpu.ts';

const l40sEfficiency: Efficiency = {
  basis: 'measured',
  gemm: { floor: 1.391e-6, compute: 0.652, memory: 0.8, sharpness: 2.09 },
  gemmFp8: { floor: 2.72e-6, compute: 0.529, memory: 0.759, sharpness: 1.2 },
  decodeAttention: { floor: 7.51e-6, memory: 0.784 },
  prefillAttention: {
    floor: 7.51e-6,
    mfu: [
      [128, 0.122],
      [256, 0.199],
      [512, 0.28],
      [1024, 0.358],
      [2048, 0.418],
      [4096, 0.461],
      [8192, 0.492],
      [16384, 0.503],
    ],
  },
  elementwise: { floor: 3e-6, memory: 0.8 },
};

export const l40s: Gpu = {
  name: 'l40s',
  title: 'NVIDIA L40S',
  memory: 45_589 * MiB,
  bandwidth: 864e9,
  flops: { fp16: 362.05e12, fp8: 733e12, int8: 733e12 },
  efficiency: l40sEfficiency,
  // Two GPUs. On the same host four reach 5.2 GB/s and eight 1.4 GB/s: across sockets, not a property of the card.
  interconnect: { bandwidth: 20e9, graphLatency: 6.3e-6, eagerLatency: 22e-6 },
  pcie: 32e9,
  source:
    'peaks: NVIDIA L40S datasheet; memory: as PyTorch reports it; ' +
    'efficiency: fits to the AIConfigurator kernel tables l40s, vLLM 0.24.0, bf16, prefill MFU net of the floor; ' +
    'all-reduce: AIConfigurator NCCL 2.27.3 table, two GPUs, eager latency as rtx-pro-6000 adds it; ' +
    'elementwise: AIConfigurator constants',
};

/**
 * Llama-3.1-8B in bf16, one GPU. GEMM: median error 2.6 %, 90th percentile 8 % over 648 points. Decode attention: 6.4 % median. Prefill attention reproduces
 * batch 1; beyond 2048 tokens it is the last chunk of 2048 in a prompt of that length. Elementwise kernels run out of
 * the 72 MB cache, up to 2.5 times faster than memory: held at 1.
 */
const rtx4090Efficiency: Efficiency = {
  basis: 'measured',
  gemm: { floor: 5.46e-6, compute: 0.974, memory: 0.941, sharpness: 2.29 },
  decodeAttention: { floor: 13.5e-6, memory: 0.88 },
  prefillAttention: {
    floor: 9.3e-6,
    mfu: [
      [32, 0.14],
      [64, 0.229],
      [128, 0.686],
      [256, 0.574],
      [512, 0.409],
      [1024, 0.526],
      [2048, 0.636],
      [4096, 0.776],
      [6144, 0.803],
      [10240, 0.783],
      [18432, 0.839],
    ],
  },
  elementwise: { floor: 2.3e-6, memory: 1 },
};

export const rtx4090: Gpu = {
  name: 'rtx-4090',
  title: 'NVIDIA GeForce RTX 4090',
  memory: 25_250_627_584,
  bandwidth: 1.008e12,
  // Accumulating in 32 bits, as inference kernels do: half the rate of 16-bit accumulation on GeForce.
  flops: { fp16: 165.2e12, fp8: 330.3e12, int8: 660.6e12 },
  efficiency: rtx4090Efficiency,
  interconnect: { bandwidth: 10e9, graphLatency: 12e-6, eagerLatency: 28e-6 },
  pcie: 32e9,
  source:
    'peaks: NVIDIA Ada architecture whitepaper, fp32 accumulation; memory: CUDA total of a vLLM 0.19 run; ' +
    'efficiency: fits to the LLMServingSim profile RTX4090 Llama-3.1-8B bf16 tp1; ' +
    'interconnect: estimate for PCIe 4.0 through the host, the card has no peer access',
};

export const ada: readonly Gpu[] = [
  l40s,
  {
    name: 'l4',
    title: 'NVIDIA L4',
    memory: 23_583_784_960,
    bandwidth: 300e9,
    flops: { fp16: 121e12, fp8: 242e12, int8: 242e12 },
    efficiency: { ...l40sEfficiency, basis: 'estimated' },
    interconnect: { bandwidth: 15e9, graphLatency: 12e-6, eagerLatency: 28e-6 },
    pcie: 32e9,
    source:
      'peaks: NVIDIA L4 datasheet; memory: CUDA deviceQuery, 22491 MiB; efficiency: carried over from l40s, ' +
      'optimistic for compute under the limit of 72 W; interconnect: estimate for PCIe 4.0',
  },
  rtx4090,
];
