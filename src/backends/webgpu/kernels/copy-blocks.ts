import { type Shader, shader } from './shader.ts';
import { BATCH_BINDING, STEP_BINDING, STEP_STRUCT } from './step-layout.ts';
import { type Dtype, formatOf } from './storage.ts';

export interface CopyBlocksOptions {
  readonly dtype: Dtype;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly blockSize: number;
}

const THREADS = 64;

/** 16-byte units of a block, of keys or of values. */
export function blockUnits({ dtype, kvHeads, headDim, blockSize }: CopyBlocksOptions): number {
  return (kvHeads * blockSize * headDim) / formatOf(dtype).width;
}

export function copyGroups(options: CopyBlocksOptions): number {
  return Math.ceil(blockUnits(options) / THREADS);
}

/**
 * Copies whole blocks of one layer. A thread carries one unit through all copies in their order, so a block may be
 * copied from after it was copied to. Grid: `copyGroups`.
 */
export function copyBlocksShader(options: CopyBlocksOptions): Shader {
  const { type } = formatOf(options.dtype);
  const units = blockUnits(options);
  return shader({
    name: `copy-blocks ${options.dtype} ${units} units`,
    bindings: [
      STEP_BINDING,
      BATCH_BINDING,
      { name: 'keys', access: 'read_write', type: `array<${type}>` },
      { name: 'values', access: 'read_write', type: `array<${type}>` },
    ],
    declarations: STEP_STRUCT,
    workgroupSize: THREADS,
    body: `
  let unit = group.x * ${THREADS}u + local;
  if (unit >= ${units}u) { return; }
  for (var i = 0u; i < 1048576u; i++) {
    if (i >= step.copies) { break; }
    let begin = u32(batch[step.at_copies + i * 2u]) * ${units}u + unit;
    let to = u32(batch[step.at_copies + i * 2u + 1u]) * ${units}u + unit;
    keys[to] = keys[begin];
    values[to] = values[begin];
  }`,
  });
}
