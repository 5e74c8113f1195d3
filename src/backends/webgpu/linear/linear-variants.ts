import type { DeviceTraits } from '../traits.ts';
import { gemvVariant } from './gemv.ts';
import type { LinearOp } from './linear-op.ts';
import type { LinearVariant } from './linear-variant.ts';
import { matrixVariant } from './matrix-variant.ts';
import { tiledVariant } from './tiled-gemm.ts';

const LARGE = { rows: 128, outputs: 128, depth: 64 } as const;
/** Few rows: bound by the bandwidth of the weights, as long as enough of them are on their way. */
const SKINNY = [
  { tile: { rows: 16, outputs: 64, depth: 64, along: [1, 4] }, minRows: 3, parts: ['enough', 1] },
  { tile: { rows: 32, outputs: 64, depth: 64, along: [1, 4] }, minRows: 17, parts: ['enough', 1] },
  { tile: { rows: 64, outputs: 64, depth: 64, along: [2, 2] }, minRows: 33, parts: ['enough', 2, 1] },
] as const;

/** Rows of prefill chunks beside many decodes: too few tiles for the GPU, unless the inputs are split. */
const MEDIUM = [
  { minRows: 65, maxRows: 128 },
  { minRows: 129, maxRows: 256 },
  { minRows: 257, maxRows: 512 },
];

/** Needs nothing that not every adapter has, and is right for any number of rows: what others are compared with. */
export const PORTABLE = tiledVariant({ rows: 16, outputs: 64 }, 1);

/** The preferred first. A new variant goes where it beats those that follow it. */
export const LINEAR_VARIANTS: readonly LinearVariant[] = [
  ...MEDIUM.flatMap(({ minRows, maxRows }) => [
    matrixVariant({ ...LARGE, along: [2, 2] }, minRows, { parts: 'enough', maxRows, robust: false }),
    matrixVariant({ ...LARGE, along: [4, 2] }, minRows, { parts: 'enough', maxRows }),
  ]),
  matrixVariant({ ...LARGE, along: [2, 2] }, 65, { robust: false }),
  matrixVariant({ ...LARGE, along: [4, 2] }, 65),
  matrixVariant({ rows: 128, outputs: 256, depth: 32, along: [2, 4] }, 65),
  ...SKINNY.flatMap(({ tile, minRows, parts: tried }) =>
    tried.map(parts => matrixVariant(tile, minRows, { parts })),
  ),
  ...[1, 2, 4, 8].map(rows => gemvVariant(rows, true)),
  ...[1, 2, 4, 8].map(rows => gemvVariant(rows, false)),
  tiledVariant({ rows: 64, outputs: 64 }, 49),
  PORTABLE,
];

/** Name of the variant measured fastest for a layer and a number of rows; undefined: not measured. */
export type Preference = (op: LinearOp, rows: number) => string | undefined;

/** @returns the variant for each number of rows: the preferred one, or the first that is meant for it. */
export function chooseVariant(
  op: LinearOp,
  rows: number,
  traits: DeviceTraits,
  prefer: Preference = () => undefined,
  variants: readonly LinearVariant[] = LINEAR_VARIANTS,
): LinearVariant {
  const fits = variants.filter(
    variant => variant.minRows <= rows && rows <= variant.maxRows && variant.supports(op, traits),
  );
  const preferred = prefer(op, rows);
  const chosen =
    fits.find(variant => variant.name === preferred) ??
    fits.find(({ robust }) => robust === undefined || robust === traits.robust) ??
    fits[0];
  if (!chosen) throw new Error(`no kernel computes ${op.name} for ${rows} rows on this device`);
  return chosen;
}

/** Row counts at which another variant may be chosen, ascending, 1 first. */
export function variantBounds(variants: readonly LinearVariant[] = LINEAR_VARIANTS): readonly number[] {
  const bounds = variants.flatMap(({ minRows, maxRows }) => [minRows, maxRows + 1]);
  return [...new Set([1, ...bounds])].filter(Number.isFinite).sort((a, b) => a - b);
}
