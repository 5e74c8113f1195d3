import { MiB } from '../../core/units.ts';
import type { Gpu } from './gpu.ts';

export const b200: Gpu = {
  name: 'b200',
  title: 'NVIDIA B200',
  memory: 182_642 * MiB,
  bandwidth: 7.7e12,
  flops: { fp16: 2250e12, fp8: 4500e12, int8: 4500e12 },
  efficiency: {
    basis: 'measured',
    gemm: { floor: 3.7e-6, compute: 0.719, memory: 0.821, sharpness: 2.6 },
    gemmFp8: { floor: 7.36e-6, compute: 0.454, memory: 0.799, sharpness: 1.27 },
    decodeAttention: { floor: 8.53e-6, memory: 0.762 },
    prefillAttention: {
      floor: 8.62e-6,
      mfu: [
        [128, 0.038],
        [256, 0.081],
        [512, 0.143],
        [1024, 0.228],
        [2048, 0.324],
        [4096, 0.42],
        [8192, 0.495],
        [16384, 0.539],
      ],
    },
    elementwise: { floor: 3e-6, memory: 0.8 },
  },
  interconnect: { bandwidth: 562e9, graphLatency: 7.1e-6, eagerLatency: 21.6e-6 },
  // The host side of HGX B200 is PCIe 5.0, though the GPU could do more.
  pcie: 64e9,
  source:
    'peaks: NVIDIA HGX B200 datasheet as in the AIConfigurator system file; memory: as PyTorch reports it; ' +
    'efficiency and all-reduce: fits to the AIConfigurator kernel tables b200_sxm, vLLM 0.24.0, bf16, prefill MFU net of the floor; ' +
    'elementwise: AIConfigurator constants',
};

export const blackwell: readonly Gpu[] = [
  b200,
  {
    name: 'rtx-pro-6000',
    title: 'NVIDIA RTX PRO 6000 Blackwell Server',
    memory: 97_250 * MiB,
    bandwidth: 1.792e12,
    // The peak that the fits assume, at full boost; AIConfigurator's system file has 467.8e12, at the clock it saw.
    flops: { fp16: 503e12, fp8: 1006e12, int8: 1006e12 },
    efficiency: {
      basis: 'measured',
      gemm: { floor: 2.13e-6, compute: 0.796, memory: 0.837, sharpness: 1.71 },
      gemmFp8: { floor: 5.22e-6, compute: 0.755, memory: 0.844, sharpness: 1.26 },
      decodeAttention: { floor: 8.5e-6, memory: 0.889 },
      prefillAttention: {
        floor: 8.48e-6,
        mfu: [
          [128, 0.128],
          [256, 0.2],
          [512, 0.283],
          [1024, 0.375],
          [2048, 0.459],
          [4096, 0.524],
          [8192, 0.569],
          [16384, 0.592],
        ],
      },
      elementwise: { floor: 3e-6, memory: 0.8 },
    },
    // PCIe 5.0, four GPUs; two reach 38 GB/s with 4.1 µs, eight 24 GB/s with 23.6 µs.
    interconnect: { bandwidth: 30e9, graphLatency: 12.6e-6, eagerLatency: 27.4e-6 },
    pcie: 64e9,
    source:
      'peaks: NVIDIA RTX PRO 6000 Blackwell datasheet; memory: 94.97 GiB as CUDA reports it; ' +
      'efficiency and all-reduce: fits to the AIConfigurator kernel tables rtx_pro_6000_server, vLLM 0.24.0, bf16, prefill MFU net of the floor; ' +
      'elementwise: AIConfigurator constants',
  },
];
