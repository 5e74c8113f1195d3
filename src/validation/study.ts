import type { KernelFolder } from '../sim/kernels/kernel-folder.ts';
import type { Case } from './case.ts';

/** Simulations that answer one question, held against the record. */
export interface Study {
  /** `quire experiment NAME`. */
  readonly name: string;
  /** The suite of `quire validate` that it belongs to. */
  readonly suite: 'paper' | 'blog' | 'vllm-runs' | 'kernels' | 'vendor';
  readonly title: string;
  /** Whether it reads `StudyContext.data`, recorded measurements that are not part of Quire. */
  readonly needsData: boolean;
  run(context: StudyContext): Promise<StudyResult>;
}

export interface StudyContext {
  /** Absent when the folder is. */
  readonly data?: DataFolder;
  /** Share done, 0 to 1. */
  progress?(done: number, label: string): void;
}

export interface StudyResult {
  readonly cases: readonly Case[];
  /** The figure: small multiples, drawn in order. */
  readonly charts: readonly Chart[];
  /** Said below the table. */
  readonly notes: readonly string[];
}

/** One panel of a figure. */
export interface Chart {
  readonly title: string;
  /** `lines`: points joined in order of x; `bars`: x are names, one bar a series; `stack`: their sum. */
  readonly kind: 'lines' | 'bars' | 'stack';
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly ChartSeries[];
}

export interface Axis {
  readonly label: string;
  readonly log?: boolean;
  /** Upper end; what lies above is cut off (a latency curve past its knee). */
  readonly max?: number;
}

export interface ChartSeries {
  readonly name: string;
  readonly points: readonly (readonly [x: number | string, y: number])[];
  /** The published figures, drawn as hollow marks beside the simulated ones. */
  readonly published?: readonly (readonly [x: number | string, y: number])[];
}

/** A folder of recorded measurements. */
export type DataFolder = KernelFolder;
