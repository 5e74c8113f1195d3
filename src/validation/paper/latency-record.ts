import type { LengthModel } from '../../sim/workload/lengths.ts';
import type { servers } from './setup.ts';
import type { SystemName } from './systems.ts';

/** What is known of one line of Fig. 12. */
export interface Line {
  /** Rate at which it leaves the plot, requests/s, read off the figure to about ±15 % by a third party. */
  readonly knee?: number;
  /** The lowest and highest rate at which the authors' scripts ran the system: the line has no points beyond. */
  readonly ran?: readonly [lowest: number, highest: number];
}

/** One panel of Fig. 12. */
export interface Panel {
  readonly model: keyof typeof servers;
  readonly lengths: Extract<LengthModel['kind'], 'sharegpt' | 'alpaca'>;
  /** Batch size of FasterTransformer (`run_13b.py`, `run_66b.py`, `run_175b.py`). */
  readonly fasterTransformerBatch: number;
  readonly lines: Readonly<Record<SystemName, Line>>;
}

/**
 * Fig. 12 of the vLLM paper (SOSP 2023), and the rates in the scripts of its artifact (sosp-ae-astra,
 * `fig12-*.sh` and `run_*.py`).
 */
export const figure12: readonly Panel[] = [
  {
    model: 'opt-13b',
    lengths: 'sharegpt',
    fasterTransformerBatch: 5,
    lines: {
      'faster-transformer': { knee: 0.3, ran: [0.01, 0.35] },
      'orca-max': { knee: 0.5, ran: [0.2, 0.75] },
      'orca-pow2': { knee: 0.75, ran: [0.25, 0.9] },
      'orca-oracle': { knee: 1.1, ran: [0.5, 1.5] },
      'vllm-v0': { knee: 1.9, ran: [1, 2] },
    },
  },
  {
    model: 'opt-66b',
    lengths: 'sharegpt',
    fasterTransformerBatch: 2,
    lines: {
      'faster-transformer': { knee: 0.1, ran: [0.01, 0.2] },
      'orca-max': { knee: 0.2, ran: [0.1, 0.3] },
      'orca-pow2': { knee: 0.4, ran: [0.1, 0.35] },
      'orca-oracle': { knee: 0.65, ran: [0.2, 0.5] },
      'vllm-v0': { knee: 0.95, ran: [0.4, 1] },
    },
  },
  {
    model: 'opt-175b',
    lengths: 'sharegpt',
    fasterTransformerBatch: 24,
    lines: {
      'faster-transformer': { knee: 0.5, ran: [0.01, 0.3] },
      'orca-max': { knee: 1, ran: [0.25, 1.25] },
      'orca-pow2': { knee: 1.5, ran: [0.5, 1.5] },
      'orca-oracle': { knee: 1.8, ran: [0.8, 1.8] },
      'vllm-v0': { knee: 2.4, ran: [1.5, 3] },
    },
  },
  {
    model: 'opt-13b',
    lengths: 'alpaca',
    fasterTransformerBatch: 14,
    lines: {
      'faster-transformer': { knee: 5, ran: [0.1, 3] },
      'orca-max': { knee: 7, ran: [2, 5] },
      'orca-pow2': { knee: 13, ran: [7.5, 18] },
      'orca-oracle': { knee: 20, ran: [15, 24] },
      'vllm-v0': { knee: 28, ran: [20, 31.5] },
    },
  },
  {
    model: 'opt-66b',
    lengths: 'alpaca',
    fasterTransformerBatch: 8,
    lines: {
      'faster-transformer': { ran: [0.1, 2.5] },
      // The script's 0.05 to 0.25 are less than this system manages on ShareGPT.
      'orca-max': {},
      'orca-pow2': { ran: [3, 7] },
      'orca-oracle': { ran: [6, 12] },
      'vllm-v0': { ran: [11, 20] },
    },
  },
  {
    model: 'opt-175b',
    lengths: 'alpaca',
    fasterTransformerBatch: 80,
    lines: {
      'faster-transformer': { ran: [0.1, 5] },
      'orca-max': { ran: [1.25, 7] },
      'orca-pow2': { ran: [10, 19] },
      'orca-oracle': { ran: [15, 22] },
      'vllm-v0': { ran: [15, 22] },
    },
  },
];

/** One panel of Fig. 14: OPT-13B, Alpaca, several sequences a request. */
export interface SamplingRecord {
  readonly n: number;
  readonly beam: boolean;
  /** As in `Line`: `fig14-parallel.sh` and `fig14-beam.sh`. */
  readonly ran: Readonly<Record<'oracle' | 'vllm', readonly [lowest: number, highest: number]>>;
}

export const figure14: readonly SamplingRecord[] = [
  { n: 2, beam: false, ran: { oracle: [10, 14], vllm: [12.5, 20] } },
  { n: 4, beam: false, ran: { oracle: [4, 9], vllm: [6, 12] } },
  { n: 6, beam: false, ran: { oracle: [2, 6], vllm: [4, 9] } },
  { n: 2, beam: true, ran: { oracle: [6, 11], vllm: [10, 19] } },
  { n: 4, beam: true, ran: { oracle: [3, 6], vllm: [6, 11] } },
  { n: 6, beam: true, ran: { oracle: [1, 4.5], vllm: [4, 8.5] } },
];
