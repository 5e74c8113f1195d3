import { UsageError } from '../../core/errors.ts';
import type { Seconds } from '../../core/units.ts';
import { solveHuber } from '../../sim/calibrate/huber.ts';
import { quantile } from '../../sim/statistics.ts';
import { featuresOf, type StepSizes, stepFeatures } from './step-features.ts';
import type { StepSample } from './step-samples.ts';

/** Fewer steps say too little of so many features. */
const LEAST_STEPS = 50;
/** Weights hang on what the last fit expects, and that on the weights: it settles at once. */
const PASSES = 4;
/** A step that took so many times what it should was not the model's doing: the machine was elsewhere. */
const HICCUP = 5;

/** Seconds of a step as a sum over its features, none of which makes it shorter. */
export interface StepFit {
  /** Seconds of each of `stepFeatures`. */
  readonly seconds: readonly Seconds[];
  /** Steps that it was fitted to. */
  readonly steps: number;
  /** Median over these of how far a single step was from what is expected, as a share of that. */
  readonly spread: number;
}

/**
 * Fits what steps cost, to steps that were measured. Each counts by its relative error, large ones by their size
 * only (Huber); as times have a long tail to one side, all is then scaled so that together the steps take what they
 * took, which throughput and mean latencies hang on.
 * @throws UsageError when there are too few.
 */
export function fitSteps(samples: readonly StepSample[]): StepFit {
  if (samples.length < LEAST_STEPS) {
    throw new UsageError(
      `only ${samples.length} steps were measured, and ${LEAST_STEPS} are needed; give it longer with --calibrate-for`,
    );
  }
  const features = samples.map(({ sizes }) => featuresOf(sizes));
  let seconds: readonly number[] = [];
  let expected = samples.map(sample => sample.seconds);
  let noise = 0.1;
  for (let pass = 0; pass < PASSES; pass++) {
    const scale = expected.map(time => 1 / (noise * time));
    seconds = solveHuber({
      residuals: Float64Array.from(samples, (sample, j) => -sample.seconds * scale[j]!),
      slopes: stepFeatures.map((_, k) => Float64Array.from(features, (row, j) => row[k]! * scale[j]!)),
      min: stepFeatures.map(() => 0),
      max: stepFeatures.map(() => Number.POSITIVE_INFINITY),
    });
    expected = features.map(row => dot(row, seconds));
    // Of normal errors half lie within 0.6745 standard deviations.
    noise = Math.max(0.01, spreadOf(samples, expected) / 0.6745);
  }
  let [took, should] = [0, 0];
  for (const [j, sample] of samples.entries()) {
    took += Math.min(sample.seconds, HICCUP * expected[j]!);
    should += expected[j]!;
  }
  const scaled = seconds.map(value => (value * took) / should);
  return {
    seconds: scaled,
    steps: samples.length,
    spread: spreadOf(
      samples,
      features.map(row => dot(row, scaled)),
    ),
  };
}

/** What a step is expected to take. */
export function expectedSeconds({ seconds }: StepFit, sizes: StepSizes): Seconds {
  return dot(featuresOf(sizes), seconds);
}

/** What other steps took of the time that is expected of them together: 1 on a device that keeps its pace. */
export function paceOf(fit: StepFit, samples: readonly StepSample[]): number {
  let [took, should] = [0, 0];
  for (const { sizes, seconds } of samples) {
    took += seconds;
    should += expectedSeconds(fit, sizes);
  }
  return should > 0 ? took / should : 1;
}

/** Parts of a run, each long enough that what single steps take evens out. */
const PARTS = 10;

/** The pace in each tenth of the steps, in their order: all the same on a device that keeps its pace. */
export function pacesOf(fit: StepFit, samples: readonly StepSample[]): number[] {
  const at = (part: number) => Math.round((samples.length * part) / PARTS);
  return Array.from({ length: PARTS }, (_, part) => paceOf(fit, samples.slice(at(part), at(part + 1))));
}

/** The same device at another pace. */
export function scaledFit(fit: StepFit, pace: number): StepFit {
  return { ...fit, seconds: fit.seconds.map(value => value * pace) };
}

function spreadOf(samples: readonly StepSample[], expected: readonly number[]): number {
  const errors = samples.map(({ seconds }, j) => Math.abs(seconds / expected[j]! - 1));
  return quantile(Float64Array.from(errors).sort(), 0.5);
}

function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
