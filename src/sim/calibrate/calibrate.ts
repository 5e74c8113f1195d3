import { type LatencyErrors, type Overheads, presetOverheads } from '../cost/overhead-profile.ts';
import { meanOf, quantile } from '../statistics.ts';
import { fitOverheads } from './fit.ts';
import { type Estimate, estimate } from './intervals.ts';
import type { MeasuredRun } from './measured.ts';
import { Moments } from './moments.ts';
import { type Parameter, type ParameterName, parametersOf } from './parameters.ts';
import type { Latencies, Replay } from './replay.ts';
import { fitNotes } from './verdict.ts';

export interface CalibrateOptions {
  readonly fit: readonly ParameterName[];
  /** Of the resampling. */
  readonly seed: number;
  /** Share done, 0 to 1. */
  progress?(done: number, label: string): void;
}

/** One overhead as it came out. */
export interface Calibrated {
  readonly name: ParameterName;
  readonly value: number;
  readonly preset: number;
  readonly low?: number;
  readonly high?: number;
  readonly status: 'fitted' | 'held' | 'not fitted';
}

export interface Calibration {
  readonly overheads: Overheads;
  readonly parameters: readonly Calibrated[];
  /** Seconds. */
  readonly measured: LatencyErrors;
  readonly simulated: { readonly before: LatencyErrors; readonly after: LatencyErrors };
  /** Relative and signed. */
  readonly errors: { readonly before: LatencyErrors; readonly after: LatencyErrors };
  readonly notes: readonly string[];
}

interface Ends {
  readonly low: number;
  readonly high: number;
}

const KEYS = {
  per_step: 'perStep',
  per_sequence: 'perSequence',
  api_per_request: 'apiPerRequest',
  device_scale: 'deviceScale',
} as const satisfies Record<ParameterName, keyof Overheads>;

/**
 * Fits the overheads of an engine to a measured run: its requests are simulated as they came, and the
 * overheads chosen that make the log-ratios of TTFT, TPOT and end-to-end latency small (see `Moments`).
 * What cannot be told from its preset is held there, the least certain first, and the rest fitted again.
 *
 * @throws UsageError when the engine cannot serve the requests.
 */
export function calibrate(run: MeasuredRun, replay: Replay, options: CalibrateOptions): Calibration {
  const { runtime } = replay.setup.cost.options;
  const preset = presetOverheads(runtime);
  const ratios = (overheads: Overheads) => replay.ratios(overheads);
  const moments = new Moments(run, ratios(preset));
  const bootstrap = { seed: options.seed, requests: run.requests.length, blockLength: blockLength(run) };
  let left = withEdges(parametersOf(options.fit, runtime), preset, ratios);
  const all = left.length;
  let overheads = preset;
  const ends = new Map<ParameterName, Ends>();
  const held: Estimate[] = [];
  while (left.length > 0) {
    const round = held.length;
    const report = (from: number, to: number) => (share: number) =>
      options.progress?.((round + from + share * (to - from)) / all, `fitting ${left.length} overheads`);
    const fitted = fitOverheads(left, overheads, of => moments.of(ratios(of)), report(0, 0.6));
    const result = estimate(left, fitted, ratios, moments, bootstrap, report(0.6, 1));
    overheads = result.overheads;
    for (const one of result.estimates) widen(ends, one);
    const doubtful = leastCertain(result.estimates, preset);
    if (!doubtful) break;
    held.push(doubtful);
    left = left.filter(parameter => parameter.name !== doubtful.parameter.name);
    overheads = { ...overheads, [doubtful.parameter.key]: preset[doubtful.parameter.key] };
  }
  const summary = (of: Overheads) => summaries(replay.latencies(of));
  const measured = summaries(replay.measured);
  const simulated = { before: summary(preset), after: summary(overheads) };
  const errors = {
    before: errorsOf(simulated.before, measured),
    after: errorsOf(simulated.after, measured),
  };
  const parameters = (Object.keys(KEYS) as ParameterName[]).map(name =>
    calibrated(name, overheads, preset, ends, held),
  );
  return {
    overheads,
    parameters,
    measured,
    simulated,
    errors,
    notes: [
      ...fitNotes({ errors }),
      ...run.notes,
      ...heldNotes(held, ends),
      ...outsideNotes(parameters),
      ...deviceNotes(errors.after, overheads, options.fit),
    ],
  };
}

/**
 * Where less of an overhead changes nothing (CPU work that hides behind the GPU cannot be taken from it), its
 * preset is the least there is, or none of it at all.
 */
function withEdges(
  parameters: readonly Parameter[],
  preset: Overheads,
  ratios: (overheads: Overheads) => Float64Array,
): Parameter[] {
  return parameters.map(parameter => {
    const { key, min, step } = parameter;
    const isEdge = (at: number) => {
      if (!(at > min)) return false;
      const [now, less] = [at, Math.max(min, at - step)].map(value => ratios({ ...preset, [key]: value }));
      return less!.every((r, j) => Number.isNaN(r) || Math.abs(r - now![j]!) < 1e-9);
    };
    const edge = [preset[key], 0].find(isEdge);
    return edge === undefined ? parameter : { ...parameter, min: edge };
  });
}

/** The estimate whose interval holds its preset nearest to the middle; undefined when none does. */
function leastCertain(estimates: readonly Estimate[], preset: Overheads): Estimate | undefined {
  const distance = ({ parameter, value, standardError, isShown }: Estimate) =>
    isShown && standardError > 0 ? Math.abs(value - preset[parameter.key]) / standardError : 0;
  return estimates
    .filter(one => {
      const at = preset[one.parameter.key];
      return !one.isShown || (one.low <= at && at <= one.high);
    })
    .sort((a, b) => distance(a) - distance(b))[0];
}

/** Requests that were in the engine together shared their steps: about as many as Little's law says, of 8 blocks at least. */
function blockLength({ requests }: MeasuredRun): number {
  const last = requests.reduce((end, { arrival, e2el }) => Math.max(end, arrival + e2el), 0);
  let inside = 0;
  for (const { e2el } of requests) inside += e2el;
  return Math.max(1, Math.min(Math.ceil(inside / last), Math.floor(requests.length / 8)));
}

function calibrated(
  name: ParameterName,
  overheads: Overheads,
  presets: Overheads,
  ends: ReadonlyMap<ParameterName, Ends>,
  held: readonly Estimate[],
): Calibrated {
  const key = KEYS[name];
  const [value, preset] = [overheads[key], presets[key]];
  const range = ends.get(name);
  if (!range) return { name, value, preset, status: 'not fitted' };
  const doubtful = held.find(({ parameter }) => parameter.name === name);
  // At an edge every resample ends: an interval of no width would say that it is certain.
  if (doubtful && (!doubtful.isShown || range.low === range.high))
    return { name, value, preset, status: 'held' };
  return { name, value, preset, ...range, status: doubtful ? 'held' : 'fitted' };
}

/**
 * An overhead takes over what those that were held might have been: its interval holds what it was beside
 * them as well.
 */
function widen(ends: Map<ParameterName, Ends>, { parameter, low, high }: Estimate): void {
  const before = ends.get(parameter.name) ?? { low, high };
  ends.set(parameter.name, { low: Math.min(before.low, low), high: Math.max(before.high, high) });
}

function summaries(latencies: Latencies): LatencyErrors {
  const of = (values: Float64Array) => {
    const sorted = values.filter(value => !Number.isNaN(value)).sort();
    return { mean: meanOf(sorted), p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) };
  };
  return { ttft: of(latencies.ttft), tpot: of(latencies.tpot), e2el: of(latencies.e2el) };
}

function errorsOf(simulated: LatencyErrors, measured: LatencyErrors): LatencyErrors {
  const of = (name: keyof LatencyErrors) => ({
    mean: simulated[name].mean / measured[name].mean - 1,
    p50: simulated[name].p50 / measured[name].p50 - 1,
    p99: simulated[name].p99 / measured[name].p99 - 1,
  });
  return { ttft: of('ttft'), tpot: of('tpot'), e2el: of('e2el') };
}

function heldNotes(held: readonly Estimate[], ends: ReadonlyMap<ParameterName, Ends>): string[] {
  return held.map(({ parameter: { name }, isShown }) => {
    if (!isShown) return `${name}: changes nothing that this run shows; held at its preset`;
    const others = [...ends].filter(([other, { low, high }]) => other !== name && low < high);
    const elsewhere =
      others.length === 0
        ? ''
        : `; what it might be instead is in the intervals of ${others.map(([other]) => other).join(', ')}`;
    return `${name}: this run cannot tell it from its preset, where it is held${elsewhere}`;
  });
}

/** Whether resamples of the run lead to one side of what was fitted. */
export function isOutside({
  value,
  low,
  high,
  status,
}: Pick<Calibrated, 'value' | 'low' | 'high' | 'status'>): boolean {
  return status === 'fitted' && low !== undefined && high !== undefined && (value < low || value > high);
}

function outsideNotes(parameters: readonly Calibrated[]): string[] {
  const names = parameters.filter(isOutside).map(({ name }) => name);
  if (names.length === 0) return [];
  return [
    `${names.join(', ')}: resamples of the run lead elsewhere, so the value is outside its interval: it is less certain ` +
      'than either says; a longer run, or fewer overheads by --fit, may settle it',
  ];
}

function deviceNotes(
  after: LatencyErrors,
  { perStep }: Overheads,
  asked: readonly ParameterName[],
): string[] {
  const slower = after.tpot.mean;
  if (!(slower > 0.03) || perStep > 0.05e-3 || asked.includes('device_scale')) return [];
  return [
    `the GPU of the run is faster than the simulated one (TPOT ${(slower * 100).toFixed(0)} % too long without ` +
      'any overhead to take away): fit device_scale as well',
  ];
}
