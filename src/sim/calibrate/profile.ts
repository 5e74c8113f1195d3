import type { FittedOverhead, OverheadProfile } from '../cost/overhead-profile.ts';
import type { EngineSetup } from '../engine-setup.ts';
import type { Calibration } from './calibrate.ts';
import type { ParameterName } from './parameters.ts';

export interface ProfileOrigin {
  readonly quire: OverheadProfile['quire'];
  /** Name of the measured file. */
  readonly source: string;
  readonly requests: number;
}

/** A calibration as a file that `--profile` takes. */
export function profileOf(
  calibration: Calibration,
  { policy, cost }: EngineSetup,
  { quire, source, requests }: ProfileOrigin,
): OverheadProfile {
  const { gpu, model, tensorParallel, runtime } = cost.options;
  const overhead = (name: ParameterName): FittedOverhead => {
    const { name: _, ...fitted } = calibration.parameters.find(one => one.name === name)!;
    return fitted;
  };
  return {
    quire,
    engine: policy.runtime,
    gpu: gpu.name,
    model: model.name,
    tensor_parallel: tensorParallel,
    measured: { source, requests },
    kernels: cost.options.kernels ? 'measured' : 'rooflines',
    presets: {
      cpu_per_step_s: runtime.cpuPerStep,
      cpu_per_sequence_s: runtime.cpuPerSequence,
      overlapped: runtime.overlapped,
    },
    overheads: {
      per_step_s: overhead('per_step'),
      per_sequence_s: overhead('per_sequence'),
      api_per_request_s: overhead('api_per_request'),
      device_scale: overhead('device_scale'),
    },
    errors: calibration.errors,
    notes: [...calibration.notes],
  };
}
