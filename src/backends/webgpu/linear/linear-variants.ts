import type { DeviceTraits } from '../traits.ts';
import { gemvVariant } from './gemv.ts';
import type { LinearOp } from './linear-op.ts';
import type { LinearVariant } from './linear-variant.ts';
import { tiledVariant } from './tiled-gemm.ts';

/** The preferred first. A new variant goes where it beats those that follow it. */
export const LINEAR_VARIANTS: readonly LinearVariant[] = [
  ...[1, 2, 4, 8].map(rows => gemvVariant(rows, true)),
  ...[1, 2, 4, 8].map(rows => gemvVariant(rows, false)),
  tiledVariant({ rows: 64, outputs: 64 }, 49),
  tiledVariant({ rows: 16, outputs: 64 }, 1),
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
  const chosen = fits.find(variant => variant.name === preferred) ?? fits[0];
  if (!chosen) throw new Error(`no kernel computes ${op.name} for ${rows} rows on this device`);
  return chosen;
}

/** Row counts at which another variant may be chosen, ascending, 1 first. */
export function variantBounds(variants: readonly LinearVariant[] = LINEAR_VARIANTS): readonly number[] {
  const bounds = variants.flatMap(({ minRows, maxRows }) => [minRows, maxRows + 1]);
  return [...new Set([1, ...bounds])].filter(Number.isFinite).sort((a, b) => a - b);
}
