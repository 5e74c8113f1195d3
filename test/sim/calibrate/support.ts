import type { CalibrateOptions, Calibration } from '../../../src/sim/calibrate/calibrate.ts';
import { calibrate } from '../../../src/sim/calibrate/calibrate.ts';
import type { MeasuredRequest, MeasuredRun } from '../../../src/sim/calibrate/measured.ts';
import { Replay, type ReplayOptions } from '../../../src/sim/calibrate/replay.ts';
import { checkConfig, completeConfig } from '../../../src/sim/check-config.ts';
import type { Config } from '../../../src/sim/config.ts';
import type { Overheads } from '../../../src/sim/cost/overhead-profile.ts';
import type { EngineSetup } from '../../../src/sim/engine-setup.ts';
import { findModel } from '../../../src/sim/models/catalogue.ts';
import { createRng } from '../../../src/sim/rng.ts';

export interface Load {
  readonly seed: number;
  readonly count: number;
  /** Per second. */
  readonly rate: number;
  readonly prompt: number;
  readonly output: number;
}

const options: ReplayOptions = {
  maxTokens: ({ outputTokens }) => outputTokens[0]!,
  content: undefined,
};

export function setupOf(config: Config): EngineSetup {
  const full = completeConfig(config);
  return checkConfig(full, findModel(full.model)!)[0]!;
}

/** What a client of an engine with these overheads would have measured, give or take `noise` (relative). */
export function measure(setup: EngineSetup, truth: Overheads, load: Load, noise = 0.1): MeasuredRun {
  const random = createRng(load.seed, 'measured');
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const length = (mean: number) => Math.max(2, Math.round(mean * Math.exp(0.6 * normal() - 0.18)));
  let arrival = 0;
  const sent = Array.from({ length: load.count }, (_, i): MeasuredRequest => {
    if (i > 0) arrival -= Math.log(1 - random()) / load.rate;
    return {
      arrival,
      promptTokens: length(load.prompt),
      outputTokens: length(load.output),
      ttft: 1,
      e2el: 2,
    };
  });
  const run = { requests: sent, failed: 0, clientSide: true, notes: [] };
  const { ttft, e2el } = new Replay(run, setup, options).latencies(truth);
  const requests = sent.map((request, i) => {
    const first = ttft[i]! * Math.exp(noise * normal());
    return {
      ...request,
      ttft: first,
      e2el: first + (e2el[i]! - ttft[i]!) * Math.exp((noise / 5) * normal()),
    };
  });
  return { ...run, requests };
}

export function calibrated(
  setup: EngineSetup,
  run: MeasuredRun,
  fit: CalibrateOptions['fit'] = ['per_step', 'per_sequence', 'api_per_request'],
): Calibration {
  return calibrate(run, new Replay(run, setup, options), { fit, seed: 0 });
}

export function parameter(calibration: Calibration, name: string) {
  return calibration.parameters.find(one => one.name === name)!;
}
