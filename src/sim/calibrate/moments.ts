import type { MeasuredRun } from './measured.ts';

/** Requests of a group: enough that what chance did to one (where in a step it arrived) averages out. */
const GROUP = 25;

/** Below this error (1 %) of a group nothing is to be gained: kernels are not known any better. */
const FLOOR = 0.01;

/** Requests whose mean log-ratio of one metric is compared. */
interface Group {
  /** Indices into the log-ratios. */
  readonly members: readonly number[];
  readonly scale: number;
}

/**
 * What is made small: mean log-ratios of groups of requests, in units of what chance does to them. Single
 * requests would mislead, as their latencies jump with the step they happen to meet. Groups are formed by
 * what a measurement has no part in: neighbours in time, which see the same load, and prompts of one length.
 */
export class Moments {
  readonly #groups: readonly Group[];

  /** @param ratios log-ratios of the run (`Replay.residuals`), whose scatter tells the scale of each group. */
  constructor({ requests }: MeasuredRun, ratios: Float64Array) {
    const n = requests.length;
    const inTime = requests.map((_, i) => i);
    const byPrompt = inTime.toSorted(
      (a, b) => requests[a]!.promptTokens - requests[b]!.promptTokens || a - b,
    );
    this.#groups = [inTime, byPrompt].flatMap(order =>
      [0, 1, 2].flatMap(metric =>
        parts(order).flatMap(part => {
          const members = part.map(i => metric * n + i).filter(j => !Number.isNaN(ratios[j]!));
          return members.length < 2 ? [] : [{ members, scale: scaleOf(members, ratios) }];
        }),
      ),
    );
  }

  /** Mean log-ratio of each group over its scale. */
  of(ratios: Float64Array): Float64Array {
    return Float64Array.from(this.#groups, ({ members, scale }) => {
      let sum = 0;
      for (const j of members) sum += ratios[j]!;
      return sum / members.length / scale;
    });
  }

  /** The same of a resample of the requests, and how much of each group it holds. */
  resampled(ratios: Float64Array, counts: Uint16Array): { values: Float64Array; weights: Float64Array } {
    const values = new Float64Array(this.#groups.length);
    const weights = new Float64Array(this.#groups.length);
    for (const [g, { members, scale }] of this.#groups.entries()) {
      let sum = 0;
      let drawn = 0;
      for (const j of members) {
        const count = counts[j % counts.length]!;
        sum += count * ratios[j]!;
        drawn += count;
      }
      weights[g] = drawn / members.length;
      if (drawn > 0) values[g] = sum / drawn / scale;
    }
    return { values, weights };
  }
}

/** Equal parts of about `GROUP`. */
function parts(order: readonly number[]): number[][] {
  const count = Math.max(2, Math.round(order.length / GROUP));
  const from = (part: number) => Math.round((part * order.length) / count);
  return Array.from({ length: count }, (_, part) => order.slice(from(part), from(part + 1)));
}

function scaleOf(members: readonly number[], ratios: Float64Array): number {
  let mean = 0;
  for (const j of members) mean += ratios[j]! / members.length;
  let squares = 0;
  for (const j of members) squares += (ratios[j]! - mean) ** 2;
  return Math.sqrt(squares / (members.length - 1) / members.length + FLOOR ** 2);
}
