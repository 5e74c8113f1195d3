import { UsageError } from '../core/errors.ts';
import type { Seconds, Tokens } from '../core/units.ts';
import type { Engine } from '../engine/engine.ts';
import type { FullConfig } from '../sim/build-workload.ts';
import type { Arrival, Workload } from '../sim/workload/workload.ts';
import type { Recording } from '../trace/recording.ts';
import { figuresOf, type Served } from '../validation/live/served.ts';
import { fitSteps, paceOf, pacesOf, type StepFit, scaledFit } from '../validation/live/step-fit.ts';
import { type StepSample, StepSamples } from '../validation/live/step-samples.ts';
import { trainingWorkload } from '../validation/live/training-workload.ts';
import type { ChosenBackend } from './chosen-backend.ts';
import { whole } from './format.ts';
import { liveSettings } from './live-config.ts';
import { predict } from './live-predicted.ts';
import { type LiveServed, serveRecorded } from './live-served.ts';
import { workloadOf } from './live-workload.ts';
import { Progress } from './progress.ts';
import type { LiveComparison } from './validate-live-text.ts';

/** Where no rate is asked for: of the requests a second that the device could serve. */
const SHARE = 0.7;
/** Of the workload it has calibrated with, to be another one than the one it predicts. */
const OTHER_SEED = 1_000_003;
const MOST_CLIENTS = 256;

export interface ComparisonJob {
  /** Complete; its model is a name. */
  readonly config: FullConfig;
  /** Of calibration. */
  readonly seconds: Seconds;
  readonly device: Pick<ChosenBackend, 'device' | 'backend' | 'dtype'>;
  /** The rate is to be one that the device can bear. */
  readonly suitRate: boolean;
}

export interface ComparedRuns {
  readonly comparison: LiveComparison;
  /** Measured, predicted. */
  readonly recordings: readonly [Recording, Recording];
}

/**
 * Calibrates a simulation on an engine, serves a workload with both, and compares.
 * @param engine idle, and warm.
 * @throws UsageError when it served too little to say anything.
 */
export async function compareLive(engine: Engine, job: ComparisonJob): Promise<ComparedRuns> {
  const { config, device, suitRate } = job;
  const { limits } = engine.scheduler;
  const longest = Math.min(config.max_model_len ?? limits.maxModelLen, limits.maxModelLen);
  const settings = { ...liveSettings(config) };
  const progress = new Progress();
  try {
    const training = await trainingSteps(engine, job, longest, progress);
    const fit = fitSteps(training);
    engine.resetPrefixCache();
    const full = suitRate
      ? { ...config, request_rate: await suitableRate(engine, fit, config, longest) }
      : config;
    const workload = await workloadOf(full, longest);
    const expected = workload.count ?? full.num_prompts;
    const steps = new StepSamples();
    engine.listeners.add(steps);
    const measured = await serveRecorded(engine, workload, {
      seed: config.seed,
      name: 'measured',
      config: settings,
      report: ended =>
        progress.update(
          0.5 + (expected ? (0.5 * ended) / expected : 0),
          `serving · ${whole(ended)} requests`,
        ),
    });
    engine.listeners.remove(steps);
    const predicted = (by: StepFit) =>
      predict(engine, by, measured.arrivals, { name: 'predicted', config: settings });
    const simulated = predicted(fit);
    const pace = paceOf(fit, steps.samples);
    const { model, policy, request_rate: rate, trace } = full;
    const comparison: LiveComparison = {
      ...device,
      model,
      policy: policy[0]!,
      requests: measured.arrivals.length,
      rate: trace === undefined ? rate : undefined,
      measured: figuresOf(servedOf(measured.recording)),
      predicted: figuresOf(servedOf(simulated)),
      pace,
      paces: { calibration: pacesOf(fit, training), run: pacesOf(fit, steps.samples) },
      atPace: figuresOf(servedOf(predicted(scaledFit(fit, pace)))),
      fit,
      notes: notesOf(workload, measured, suitRate),
    };
    return { comparison, recordings: [measured.recording, simulated] };
  } finally {
    progress.end();
  }
}

/** Steps of other requests than those that are to be predicted. */
async function trainingSteps(
  engine: Engine,
  { config, seconds }: ComparisonJob,
  longest: Tokens,
  progress: Progress,
): Promise<readonly StepSample[]> {
  const seed = config.seed + OTHER_SEED;
  const clients = Math.min(engine.scheduler.limits.maxNumSeqs, MOST_CLIENTS);
  const samples = new StepSamples();
  engine.listeners.add(samples);
  const begin = engine.clock();
  await serveRecorded(engine, trainingWorkload({ clients, maxModelLen: longest, seconds, seed }), {
    seed,
    name: 'training',
    config: {},
    report: ended =>
      progress.update(
        Math.min(0.5, (0.5 * (engine.clock() - begin)) / seconds),
        `measuring steps · ${whole(ended)} requests`,
      ),
  });
  engine.listeners.remove(samples);
  return samples.samples;
}

/** A rate that keeps the device busy, and the queue short. */
async function suitableRate(
  engine: Engine,
  fit: StepFit,
  config: FullConfig,
  longest: Tokens,
): Promise<number> {
  const workload = await workloadOf({ ...config, request_rate: 'inf' }, longest);
  const all: Arrival[] = [];
  for await (const chunk of workload.chunks()) all.push(...chunk);
  const recording = predict(engine, fit, all, { name: 'at once', config: {} });
  const { request_throughput: most } = figuresOf(servedOf(recording));
  return Number((most * SHARE).toPrecision(2));
}

/** @throws UsageError when nothing was served to the end. */
function servedOf({ requests }: Recording): Served[] {
  const served = requests.filter(({ end }) => end === 'finished');
  if (served.length > 0) return served;
  throw new UsageError('no request could be served: all are longer than the context of the model');
}

function notesOf({ notes = [] }: Workload, { recording, truncated }: LiveServed, timed: boolean): string[] {
  const rejected = recording.requests.filter(({ end }) => end === 'rejected').length;
  return [
    ...notes,
    ...(timed
      ? [`the rate is ${SHARE * 100} % of what the calibrated simulation can serve (--request-rate)`]
      : []),
    ...(rejected > 0 ? [`${whole(rejected)} requests rejected, and left out of the figures`] : []),
    ...(truncated > 0 ? [`${whole(truncated)} answers cut short by the context`] : []),
  ];
}
