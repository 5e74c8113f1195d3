import { type Overheads, overheadLimits } from '../cost/overhead-profile.ts';
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
  const limits = overheadLimits(runtime);
  const all = (
    [
      { name: 'per_step', key: 'perStep', step: 0.5e-3, resolution: 4e-6 },
      { name: 'per_sequence', key: 'perSequence', step: 20e-6, resolution: 0.1e-6 },
      { name: 'api_per_request', key: 'apiPerRequest', step: 5e-3, resolution: 0.05e-3 },
      { name: 'device_scale', key: 'deviceScale', step: 0.05, resolution: 0.5e-3 },
    ] as const
  ).map((parameter): Parameter => {
    const [min, max] = limits[parameter.key];
    return { ...parameter, min, max };
  });
  return all.filter(({ name }) => names.includes(name));
}
