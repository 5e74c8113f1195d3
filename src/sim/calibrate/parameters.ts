import type { Overheads } from '../cost/overhead-profile.ts';
import type { Runtime } from '../cost/runtimes.ts';

/** What can be fitted. */
export const parameterNames = ['per_step', 'per_sequence', 'api_per_request', 'device_scale'] as const;
export type ParameterName = (typeof parameterNames)[number];

export interface Parameter {
  readonly name: ParameterName;
  readonly key: keyof Overheads;
  /** A change that shows in a simulation, to find slopes with at first. */
  readonly step: number;
  /** Changes below it are not looked for. */
  readonly resolution: number;
  readonly min: number;
  readonly max: number;
}

/** The overheads of `names`, with the values that they can have on an engine. */
export function parametersOf(names: readonly ParameterName[], runtime: Runtime): Parameter[] {
  const all: Parameter[] = [
    // Residuals may cancel the preset's work on the CPU, and nothing beyond it.
    {
      name: 'per_step',
      key: 'perStep',
      step: 0.5e-3,
      resolution: 4e-6,
      min: -runtime.cpuPerStep,
      max: 10,
    },
    {
      name: 'per_sequence',
      key: 'perSequence',
      step: 20e-6,
      resolution: 0.1e-6,
      min: -runtime.cpuPerSequence,
      max: 1,
    },
    { name: 'api_per_request', key: 'apiPerRequest', step: 5e-3, resolution: 0.05e-3, min: 0, max: 60 },
    { name: 'device_scale', key: 'deviceScale', step: 0.05, resolution: 0.5e-3, min: 0.1, max: 10 },
  ];
  return all.filter(({ name }) => names.includes(name));
}
