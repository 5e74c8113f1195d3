import { hasMatrixUnit } from '../kernels/matrix-unit.ts';
import { type LinearOp, ROW_PADDING } from './linear-op.ts';
import type { LinearVariant } from './linear-variant.ts';
import { type MatrixTile, matrixGemmShader, matrixStorage, matrixThreads } from './matrix-gemm.ts';
import { splitSumGroups, splitSumShader } from './split-sum.ts';

/** Workgroups beyond which an H200 gains less from more than adding up the parts costs; of few rows it takes more. */
const ENOUGH = { few: 340, many: 250 };
const MOST_PARTS = 16;

/** Parts of the inputs that bring enough workgroups; 1 where there are enough without. */
export function partsFor(op: LinearOp, tile: MatrixTile, rows: number = tile.rows): number {
  const groups = (op.outputs / tile.outputs) * Math.ceil(rows / tile.rows);
  const enough = tile.rows <= 16 ? ENOUGH.few : ENOUGH.many;
  let parts = 1;
  while (parts < MOST_PARTS && groups * parts < enough && op.inputs / tile.depth / parts >= 4) parts *= 2;
  return wholeParts(op, tile, parts);
}

/** No more than leave something for the last, each but the last having equally many steps. */
function wholeParts({ inputs }: LinearOp, { depth }: MatrixTile, parts: number): number {
  const steps = inputs / depth;
  return Math.ceil(steps / Math.ceil(steps / parts));
}

export interface MatrixOptions {
  /**
   * Split of the inputs: a number of parts, or as many as bring enough workgroups at `maxRows`.
   */
  readonly parts?: number | 'enough' | undefined;
  /** Default: as many as the tile has; any number, for tiles of `ROW_PADDING` rows that are not split. */
  readonly maxRows?: number | undefined;
  /** See `LinearVariant`. */
  readonly robust?: boolean | undefined;
}

/**
 * @param minRows the fewest rows of X that it is meant for.
 */
export function matrixVariant(
  tile: MatrixTile,
  minRows: number,
  { parts = 1, robust, ...options }: MatrixOptions = {},
): LinearVariant {
  const whole = parts === 1 && tile.rows === ROW_PADDING;
  const maxRows = options.maxRows ?? (whole ? Number.POSITIVE_INFINITY : tile.rows);
  const split = (op: LinearOp) =>
    parts === 'enough' ? partsFor(op, tile, maxRows) : wholeParts(op, tile, parts);
  const shape = `${tile.rows}x${tile.outputs}x${tile.depth}`;
  const suffix =
    parts === 1
      ? ''
      : `-split${parts === 'enough' ? '' : parts}${options.maxRows ? `-to${options.maxRows}` : ''}`;
  return {
    name: `matrix-${shape}-${tile.along.join('x')}${suffix}`,
    robust,
    minRows,
    maxRows,
    supports: (op, traits) =>
      op.dtype === 'f16' &&
      hasMatrixUnit(traits) &&
      ROW_PADDING % tile.rows === 0 &&
      op.outputs % tile.outputs === 0 &&
      op.inputs % tile.depth === 0 &&
      op.inputs / tile.depth >= split(op) &&
      traits.maxInvocations >= matrixThreads(tile) &&
      traits.workgroupStorage >= matrixStorage(tile) &&
      (parts !== 'enough' || split(op) > 1),
    passes: op => {
      const count = split(op);
      const product = {
        shader: matrixGemmShader(op, tile, count),
        grid: (rows: number) => [Math.ceil(rows / tile.rows), op.outputs / tile.outputs, count] as const,
      };
      if (count === 1) return [product];
      const scratchBytes = (rows: number) =>
        count * Math.ceil(Math.min(rows, maxRows) / tile.rows) * tile.rows * op.outputs * 4;
      const sum = {
        shader: splitSumShader(op, tile.rows, count),
        grid: (rows: number) => [splitSumGroups(op), rows, 1] as const,
      };
      return [{ ...product, scratchBytes }, sum];
    },
  };
}
