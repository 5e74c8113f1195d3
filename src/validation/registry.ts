import { blogThroughput } from './blog/throughput.ts';
import { kernelTables } from './kernels/leave-one-out.ts';
import { paperAblations } from './paper/ablations.ts';
import { paperLatency } from './paper/latency.ts';
import { paperMemory } from './paper/memory.ts';
import { kvCapacityStudy } from './runs/capacity.ts';
import { vllmRuns } from './runs/vllm-runs.ts';
import type { Study } from './study.ts';
import { offlineThroughput } from './vendor/offline.ts';
import { onlineServing } from './vendor/online.ts';
import { silicon } from './vendor/silicon.ts';

/** Every study, suite by suite. */
export const studies: readonly Study[] = [
  // paper
  paperMemory,
  paperLatency,
  paperAblations,
  // blog
  blogThroughput,
  // vllm-runs
  vllmRuns,
  kvCapacityStudy,
  // kernels
  kernelTables,
  // vendor
  silicon,
  onlineServing,
  offlineThroughput,
];
