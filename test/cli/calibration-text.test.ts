import { expect, test } from 'vitest';
import { calibrationText } from '../../src/cli/calibration-text.ts';
import type { Calibrated, Calibration } from '../../src/sim/calibrate/calibrate.ts';
import type { OverheadProfile } from '../../src/sim/cost/overhead-profile.ts';

const same = { mean: 1, p50: 1, p99: 1 };
const none = { mean: 0, p50: 0, p99: 0 };
const seconds = { ttft: same, tpot: same, e2el: same };
const errors = { ttft: none, tpot: none, e2el: none };

function rows(parameters: readonly Calibrated[]): string[] {
  const calibration: Calibration = {
    overheads: { perStep: 0, perSequence: 0, apiPerRequest: 0, deviceScale: 1 },
    parameters,
    measured: seconds,
    simulated: { before: seconds, after: seconds },
    errors: { before: errors, after: errors },
    notes: [],
  };
  const profile = {
    model: 'm',
    gpu: 'g',
    engine: 'vllm',
    tensor_parallel: 1,
    measured: { source: 'f', requests: 20 },
  } as OverheadProfile;
  const lines = calibrationText(profile, calibration).split('\n');
  return lines.slice(3, 3 + parameters.length).map(line => line.replace(/ {2,}/g, ' | '));
}

test('an interval without width is a limit, and a value outside its interval is called that', () => {
  expect(
    rows([
      { name: 'per_step', value: 1e-3, preset: 0, low: 0.9e-3, high: 1.1e-3, status: 'fitted' },
      { name: 'per_sequence', value: -8e-6, preset: 0, low: -8e-6, high: -8e-6, status: 'fitted' },
      { name: 'api_per_request', value: 2e-3, preset: 0, low: 3e-3, high: 5e-3, status: 'fitted' },
      { name: 'device_scale', value: 1, preset: 1, status: 'not fitted' },
    ]),
  ).toEqual([
    'a step | 0 ms | 1.00 ms | 0.900 ms to 1.10 ms',
    'a sequence of a step | 0 µs | -8.00 µs | at its limit, -8.00 µs',
    'API path of a request | 0 ms | 2.00 ms | 3.00 ms to 5.00 ms | outside its interval',
    'scale of GPU time | 1.00 | – | – | not fitted',
  ]);
});
