import type { StepPlan } from '../../core/step-plan.ts';
import type { Tokens } from '../../core/units.ts';
import type { StepShape } from '../../sim/cost/step-shape.ts';

/** Sizes of a step that its time grows with. */
export type StepSizes = Pick<StepShape, 'tokens' | 'sampled' | 'sequences' | 'decodeKv' | 'prefills'>;

/** Rows from which on more of them cost more: below, a device is held up by its weights, not by rows. */
const KNOTS: readonly Tokens[] = [16, 64, 256, 1024];

/** What a step's time is made of, each a factor of something that a device does. */
export const stepFeatures: readonly string[] = [
  'step',
  'row',
  ...KNOTS.map(knot => `row beyond ${knot}`),
  'sequence',
  'sampled row',
  'KV slot read by a decode',
  'pair of a prefill',
];

/** How much of each a step has, in the order of `stepFeatures`. */
export function featuresOf({ tokens, sampled, sequences, decodeKv, prefills }: StepSizes): number[] {
  const pairs = prefills.reduce(
    (sum, { rows, chunk, past }) => sum + rows * chunk * (past + (chunk + 1) / 2),
    0,
  );
  const beyond = KNOTS.map(knot => Math.max(0, tokens - knot));
  return [1, tokens, ...beyond, sequences, sampled, decodeKv, pairs];
}

/** The sizes of a step that has run: its requests have grown by then, and `shapeOf` would take them for another. */
export function sizesOfRun({ requests, rows, starts, numTokens, samples }: StepPlan): StepSizes {
  const sizes = { tokens: 0, sampled: 0, sequences: 0, decodeKv: 0, prefills: [] as StepShape['prefills'] };
  for (const [i, { promptTokens }] of requests.entries()) {
    const [width, past, chunk] = [rows[i]!, starts[i]!, numTokens[i]!];
    sizes.tokens += width * chunk;
    sizes.sequences += width;
    if (samples[i]) sizes.sampled += width;
    if (chunk === 1 && past >= promptTokens) sizes.decodeKv += width * (past + 1);
    else sizes.prefills.push({ rows: width, chunk, past });
  }
  return sizes;
}
