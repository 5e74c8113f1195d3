import { MiB } from '../../core/units.ts';
import { rtx4090 } from './ada.ts';
import type { Efficiency, Gpu } from './gpu.ts';

const a100Efficiency: Efficiency = {
  basis: 'measured',
  gemm: { floor: 5.93e-6, compute: 0.858, memory: 0.76, sharpness: 1.67 },
  decodeAttention: { floor: 10.5e-6, memory: 0.69 },
  prefillAttention: {
    floor: 10.63e-6,
    mfu: [
      [128, 0.118],
      [256, 0.182],
      [512, 0.263],
      [1024, 0.359],
      [2048, 0.446],
      [4096, 0.509],
      [8192, 0.544],
      [16384, 0.564],
    ],
  },
  elementwise: { floor: 3e-6, memory: 0.8 },
};

/** Fitted to buses of 2, 4 and 8 GPUs, 32 MiB and more; latencies are medians up to 16 KiB. */
const nvlink3 = { bandwidth: 200e9, graphLatency: 5.3e-6, eagerLatency: 44.7e-6 };

const a100: Gpu = {
  name: 'a100-80g',
  title: 'NVIDIA A100-SXM4-80GB',
  memory: 81_050 * MiB,
  bandwidth: 2.039e12,
  flops: { fp16: 312e12, int8: 624e12 },
  efficiency: a100Efficiency,
  interconnect: nvlink3,
  pcie: 32e9,
  source:
    'peaks: NVIDIA A100 datasheet; memory: 79.15 GiB as PyTorch reports it; ' +
    'efficiency and all-reduce: fits to the AIConfigurator kernel tables a100_sxm, vLLM 0.14.0, bf16, prefill MFU net of the floor; ' +
    'elementwise: AIConfigurator constants',
};

export const ampere: readonly Gpu[] = [
  {
    ...a100,
    name: 'a100-40g',
    title: 'NVIDIA A100-SXM4-40GB',
    memory: 42_298_834_944,
    bandwidth: 1.555e12,
    efficiency: { ...a100Efficiency, basis: 'estimated' },
    source:
      'peaks: NVIDIA A100 datasheet; memory: CUDA deviceQuery, 40339 MiB; ' +
      'efficiency and interconnect: carried over from a100-80g, the same die',
  },
  a100,
  {
    name: 'a10g',
    title: 'NVIDIA A10G',
    memory: 22_587 * MiB,
    bandwidth: 600e9,
    flops: { fp16: 70e12, int8: 140e12 },
    efficiency: {
      ...rtx4090.efficiency,
      basis: 'estimated',
      elementwise: { floor: 3e-6, memory: 0.8 },
    },
    interconnect: { bandwidth: 10e9, graphLatency: 12e-6, eagerLatency: 28e-6 },
    pcie: 32e9,
    source:
      'peaks: NVIDIA A10G datasheet; memory: as PyTorch reports it; ' +
      'efficiency: carried over from rtx-4090, also GDDR6 with a matrix peak at half rate that kernels nearly reach, ' +
      'but elementwise without its large cache; interconnect: estimate for PCIe 4.0 through the host',
  },
];
