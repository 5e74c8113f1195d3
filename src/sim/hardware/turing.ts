import { MiB } from '../../core/units.ts';
import { l40s } from './ada.ts';
import type { Gpu } from './gpu.ts';

export const turing: readonly Gpu[] = [
  {
    name: 't4',
    title: 'NVIDIA Tesla T4',
    memory: 15_095 * MiB,
    bandwidth: 320e9,
    flops: { fp16: 65e12, int8: 130e12 },
    efficiency: { ...l40s.efficiency, basis: 'estimated' },
    interconnect: { bandwidth: 6e9, graphLatency: 15e-6, eagerLatency: 30e-6 },
    pcie: 16e9,
    source:
      'peaks: NVIDIA T4 datasheet; memory: as PyTorch reports it; efficiency: carried over from l40s, the nearest ' +
      'measured GDDR6 inference card, optimistic under the limit of 70 W and without FlashAttention-2; ' +
      'interconnect: estimate for PCIe 3.0',
  },
];
