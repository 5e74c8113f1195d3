import { buildWorkload, type FullConfig } from '../sim/build-workload.ts';
import { openTrace } from '../sim/workload/trace/detect.ts';
import type { Workload } from '../sim/workload/workload.ts';
import { readBytes } from './files.ts';

/** What a config asks of a real device: prompts have content, and a trace is read as it is. */
export async function workloadOf(config: FullConfig, maxModelLen: number): Promise<Workload> {
  const { trace, seed, time_scale: timeScale, num_prompts: limit } = config;
  if (trace === undefined) return buildWorkload(config, seed, maxModelLen, true);
  return await openTrace(() => readBytes(trace), {
    fileName: trace,
    timeScale,
    content: true,
    ...(limit !== undefined && { limit }),
  });
}
