import type { Calibrated, Calibration } from '../sim/calibrate/calibrate.ts';
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
    ['beside the presets', 'preset', 'fitted', '95 % interval', ''],
    parameters.map(({ name, value, preset, low, high, status }) => {
      const { title, unit, factor } = shownAs[name];
      const shown = (seconds: number) => `${number(seconds * factor)}${unit}`;
      const interval =
        low === undefined || high === undefined ? '–' : `${number(low * factor)} to ${shown(high)}`;
      return [
        title,
        shown(preset),
        status === 'not fitted' ? '–' : shown(value),
        interval,
        status === 'fitted' ? '' : status,
      ];
    }),
  );
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
