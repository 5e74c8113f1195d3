import { MiB } from '../../core/units.ts';
import type { Gpu } from './gpu.ts';

export const hopper: readonly Gpu[] = [
  {
    name: 'h100',
    title: 'NVIDIA H100 80GB HBM3',
    memory: 81_009 * MiB,
    bandwidth: 3.35e12,
    flops: { fp16: 989e12, fp8: 1978e12, int8: 1978e12 },
    efficiency: {
      basis: 'measured',
      gemm: { floor: 3.75e-6, compute: 0.817, memory: 0.887, sharpness: 3.25 },
      gemmFp8: { floor: 6.79e-6, compute: 0.475, memory: 0.871, sharpness: 1.31 },
      decodeAttention: { floor: 11.02e-6, memory: 0.81 },
      prefillAttention: {
        floor: 11e-6,
        mfu: [
          [128, 0.065],
          [256, 0.122],
          [512, 0.207],
          [1024, 0.301],
          [2048, 0.438],
          [4096, 0.531],
          [8192, 0.585],
          [16384, 0.617],
        ],
      },
      elementwise: { floor: 3e-6, memory: 0.8 },
    },
    interconnect: { bandwidth: 338e9, graphLatency: 4.6e-6, eagerLatency: 22.1e-6 },
    pcie: 64e9,
    source:
      'peaks: NVIDIA H100 SXM datasheet; memory: 79.11 GiB as PyTorch reports it; ' +
      'efficiency and all-reduce: fits to the AIConfigurator kernel tables h100_sxm, vLLM 0.24.0, bf16, prefill MFU net of the floor; ' +
      'elementwise: AIConfigurator constants',
  },
  {
    name: 'h200',
    title: 'NVIDIA H200',
    memory: 143_156 * MiB,
    bandwidth: 4.8e12,
    flops: { fp16: 989e12, fp8: 1978e12, int8: 1978e12 },
    efficiency: {
      basis: 'measured',
      gemm: { floor: 4.09e-6, compute: 0.812, memory: 0.843, sharpness: 3.61 },
      gemmFp8: { floor: 7.15e-6, compute: 0.541, memory: 0.862, sharpness: 1 },
      decodeAttention: { floor: 10.78e-6, memory: 0.743 },
      prefillAttention: {
        floor: 10.93e-6,
        mfu: [
          [128, 0.067],
          [256, 0.125],
          [512, 0.209],
          [1024, 0.305],
          [2048, 0.44],
          [4096, 0.529],
          [8192, 0.58],
          [16384, 0.606],
        ],
      },
      elementwise: { floor: 3e-6, memory: 0.8 },
    },
    interconnect: { bandwidth: 342e9, graphLatency: 4.6e-6, eagerLatency: 20.8e-6 },
    pcie: 64e9,
    source:
      'peaks: NVIDIA H200 SXM datasheet; memory: as PyTorch reports it; ' +
      'efficiency and all-reduce: fits to the AIConfigurator kernel tables h200_sxm, vLLM 0.24.0, bf16, prefill MFU net of the floor; ' +
      'elementwise: AIConfigurator constants',
  },
];
