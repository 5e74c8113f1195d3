import { type Calibrated, type Calibration, isOutside } from '../sim/calibrate/calibrate.ts';
import type { ParameterName } from '../sim/calibrate/parameters.ts';
import type { LatencyErrors, OverheadProfile } from '../sim/cost/overhead-profile.ts';
import { duration, number, table, whole, wrap } from './format.ts';

const shownAs: Record<ParameterName, { title: string; unit: string; factor: number }> = {
  per_step: { title: 'a step', unit: ' ms', factor: 1e3 },
  per_sequence: { title: 'a sequence of a step', unit: ' µs', factor: 1e6 },
  api_per_request: { title: 'API path of a request', unit: ' ms', factor: 1e3 },
  device_scale: { title: 'scale of GPU time', unit: '', factor: 1 },
};

/** A calibration as a person reads it. */
export function calibrationText(profile: OverheadProfile, calibration: Calibration): string {
  const { model, gpu, engine, measured, tensor_parallel: tp } = profile;
  const title =
    `${model} on ${tp > 1 ? `${tp} × ` : ''}${gpu} · ${engine} · ${measured.source} · ` +
    `${whole(measured.requests)} requests`;
  const notes = calibration.notes.map(note => wrap(`note: ${note}`));
  return [
    wrap(title),
    overheadTable(calibration.parameters),
    errorTable(calibration),
    ...(notes.length > 0 ? [notes.join('\n')] : []),
  ].join('\n\n');
}

function overheadTable(parameters: readonly Calibrated[]): string {
  return table(
    ['beyond what the preset counts', 'preset', 'fitted', '95 % interval', ''],
    parameters.map(one => {
      const { name, value, preset, low, high, status } = one;
      const { title, unit, factor } = shownAs[name];
      const shown = (seconds: number) => `${number(seconds * factor)}${unit}`;
      return [
        title,
        shown(preset),
        status === 'not fitted' ? '–' : shown(value),
        intervalText(low, high, shown),
        isOutside(one) ? 'outside its interval' : status === 'fitted' ? '' : status,
      ];
    }),
  );
}

function intervalText(
  low: number | undefined,
  high: number | undefined,
  shown: (value: number) => string,
): string {
  if (low === undefined || high === undefined) return '–';
  // Every resample ends where the overhead can go no further: that is no certainty.
  return low === high ? `at its limit, ${shown(low)}` : `${shown(low)} to ${shown(high)}`;
}

function errorTable({ measured, simulated, errors }: Calibration): string {
  const rows = (['ttft', 'tpot', 'e2el'] as const).flatMap(metric =>
    (['mean', 'p50', 'p99'] as const).map(figure => {
      const of = (latencies: LatencyErrors) => latencies[metric][figure];
      return [
        `${metric.toUpperCase()} ${figure}`,
        duration(of(measured) * 1000),
        duration(of(simulated.before) * 1000),
        signed(of(errors.before)),
        duration(of(simulated.after) * 1000),
        signed(of(errors.after)),
      ];
    }),
  );
  return table(['latency', 'measured', 'before', 'error', 'after', 'error'], rows);
}

function signed(error: number): string {
  const percent = (error * 100).toFixed(1);
  return `${error > 0 ? '+' : ''}${percent} %`;
}
