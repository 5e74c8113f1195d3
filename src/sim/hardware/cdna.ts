import { MiB } from '../../core/units.ts';
import { b200 } from './blackwell.ts';
import type { Gpu } from './gpu.ts';

export const cdna: readonly Gpu[] = [
  {
    name: 'mi300x',
    title: 'AMD Instinct MI300X',
    memory: 196_592 * MiB,
    bandwidth: 5.3e12,
    flops: { fp16: 1307.4e12, fp8: 2614.9e12, int8: 2614.9e12 },
    efficiency: { ...b200.efficiency, basis: 'estimated' },
    interconnect: { bandwidth: 310e9, graphLatency: 8e-6, eagerLatency: 25e-6 },
    pcie: 64e9,
    source:
      'peaks: AMD Instinct MI300X datasheet; memory: as PyTorch reports it; efficiency: carried over from b200, the ' +
      'only measured GPU of several dies and the lowest of the measured, still likely optimistic; ' +
      'interconnect: estimate from seven Infinity Fabric links of 64 GB/s each way',
  },
];
