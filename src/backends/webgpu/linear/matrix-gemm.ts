import { MATRIX, MATRIX_ENABLES, MATRIX_LANES, MATRIX_TYPES, stagedStride } from '../kernels/matrix-unit.ts';
import { type Shader, shader, unroll } from '../kernels/shader.ts';
import { STEP_BINDING, STEP_STRUCT } from '../kernels/step-layout.ts';
import type { LinearOp } from './linear-op.ts';
import { storeWide, WIDE_FUNCTIONS, WIDE_OUTPUTS, wideBindings } from './wide-epilogue.ts';

/** What a workgroup computes, and how its subgroups share it. */
export interface MatrixTile {
  /** Rows of X; at most `ROW_PADDING`, which they divide. */
  readonly rows: number;
  /** Rows of W. */
  readonly outputs: number;
  /** Inputs that are staged at once; a multiple of 16. */
  readonly depth: number;
  /** Subgroups beside each other along the rows of X, and of W. */
  readonly along: readonly [rows: number, outputs: number];
}

export function matrixThreads({ along }: MatrixTile): number {
  return along[0] * along[1] * MATRIX_LANES;
}

interface Layout {
  readonly threads: number;
  /** Matrices of a subgroup. */
  readonly high: number;
  readonly wide: number;
  readonly stride: number;
  /** vec4 from row to row of a strip of sums: padded, as `stagedStride` is. */
  readonly stripStride: number;
  /** 16-byte units of workgroup memory. */
  readonly staged: number;
}

function layoutOf(tile: MatrixTile): Layout {
  const threads = matrixThreads(tile);
  const high = tile.rows / tile.along[0] / MATRIX;
  const wide = tile.outputs / tile.along[1] / MATRIX;
  const stride = stagedStride(tile.depth);
  const stripStride = wide * 4 + 1;
  const strips = (threads / MATRIX_LANES) * MATRIX * stripStride;
  const staged = Math.max((tile.rows + tile.outputs) * stride, strips);
  return { threads, high, wide, stride, stripStride, staged };
}

/** Bytes of workgroup memory that it takes. */
export function matrixStorage(tile: MatrixTile): number {
  return layoutOf(tile).staged * 16;
}

/**
 * Matrix times matrix on a GPU's matrix units. Both operands go through workgroup memory: subgroup matrices
 * loaded straight from storage were several times slower, whatever their layout. The next tiles are fetched into
 * registers while these are multiplied, WGSL having no asynchronous copies.
 *
 * With `split` workgroups in z have parts of the inputs, and leave sums in `scratch`: [part][row][output]. A tile of
 * few rows would otherwise occupy a fraction of the GPU.
 * Grid: tiles of rows, tiles of outputs, parts. Rows first, so that workgroups that run together share weights.
 */
export function matrixGemmShader(op: LinearOp, tile: MatrixTile, split = 1): Shader {
  const { threads, high, wide, stride, stripStride, staged } = layoutOf(tile);
  const units = op.inputs / 8;
  const perStep = tile.depth / 8;
  const steps = op.inputs / tile.depth;
  const partSteps = Math.ceil(steps / split);
  const each = (line: (i: number, j: number) => string) => unroll(high, i => unroll(wide, j => line(i, j)));
  const operand = (name: string, rows: number, firstRow: string, place: number) => {
    const total = rows * perStep;
    const loads = Math.ceil(total / threads);
    const guarded = (n: number, body: string) =>
      (n + 1) * threads > total ? `if (local < ${total - n * threads}u) { ${body} }` : body;
    return {
      begin: unroll(
        loads,
        n => `  let ${name}_unit${n} = local + ${n * threads}u;
  let ${name}_from${n} = (${firstRow} + ${name}_unit${n} / ${perStep}u) * ${units}u + first_unit + ${name}_unit${n} % ${perStep}u;
  let ${name}_to${n} = ${place}u + (${name}_unit${n} / ${perStep}u) * ${stride}u + ${name}_unit${n} % ${perStep}u;
  var ${name}_next${n} = vec4<u32>();
  ${guarded(n, `${name}_next${n} = ${name}[${name}_from${n}];`)}`,
      ),
      stage: unroll(loads, n => guarded(n, `staged[${name}_to${n}] = ${name}_next${n};`)),
      fetch: unroll(loads, n => guarded(n, `${name}_next${n} = ${name}[${name}_from${n} + next];`)),
    };
  };
  const x = operand('x', tile.rows, 'first_row', 0);
  const w = operand('weights', tile.outputs, 'first_output', tile.rows * stride);
  const multiply = unroll(tile.depth / MATRIX, k => {
    const left = (i: number) =>
      `let left${i} = subgroupMatrixLoad<Left, row_major>(&staged, my_row * ${stride}u + ${i * MATRIX * stride + k * 2}u, ${stride}u);`;
    const right = (j: number) => `{
        let right = subgroupMatrixLoad<Right, col_major>(&staged, my_output * ${stride}u + ${(tile.rows + j * MATRIX) * stride + k * 2}u, ${stride}u);
${unroll(high, i => `        sums${i}_${j} = subgroupMatrixMultiplyAccumulate(left${i}, right, sums${i}_${j});`)}
      }`;
    return `    {\n${unroll(high, left)}\n${unroll(wide, right)}\n    }`;
  });
  const counted = split > 1 && steps % split !== 0;
  return shader({
    name: `matrix-gemm ${op.name} ${op.outputs}x${op.inputs} ${op.epilogue}${op.bias ? ' bias' : ''} tile ${tile.rows}x${tile.outputs}x${tile.depth} along ${tile.along.join('x')}${split > 1 ? ` split ${split}` : ''}`,
    enables: MATRIX_ENABLES,
    bindings: [
      STEP_BINDING,
      { name: 'x', access: 'read', type: 'array<vec4<u32>>' },
      { name: 'weights', access: 'read', type: 'array<vec4<u32>>' },
      ...(split > 1
        ? [{ name: 'scratch', access: 'read_write' as const, type: 'array<vec4<f32>>' }]
        : wideBindings(op)),
    ],
    declarations: `${STEP_STRUCT}${WIDE_FUNCTIONS}${MATRIX_TYPES}
var<workgroup> staged: array<vec4<u32>, ${staged}>;`,
    workgroupSize: threads,
    builtins: ['@builtin(subgroup_id) subgroup: u32', '@builtin(subgroup_invocation_id) lane: u32'],
    body: `
  let first_row = group.x * ${tile.rows}u;
  let first_output = group.y * ${tile.outputs}u;
  let first_unit = group.z * ${partSteps * perStep}u;
  let my_row = (subgroup / ${tile.along[1]}u) * ${high * MATRIX}u;
  let my_output = (subgroup % ${tile.along[1]}u) * ${wide * MATRIX}u;
${counted ? `  let count = min(${partSteps}u, ${steps}u - group.z * ${partSteps}u);` : ''}
${each((i, j) => `  var sums${i}_${j}: Sums;`)}
${x.begin}
${w.begin}
  for (var t = 0u; t < ${partSteps}u; t++) {
    ${counted ? 'if (t >= count) { break; }' : ''}
    workgroupBarrier();
${x.stage}
${w.stage}
    workgroupBarrier();
    let next = min(t + 1u, ${counted ? 'count - 1u' : `${partSteps - 1}u`}) * ${perStep}u;
${x.fetch}
${w.fetch}
${multiply}
  }
${
  split > 1
    ? each((i, j) => {
        const row = `group.z * ${paddedRows(op, tile.rows)} + first_row + my_row + ${i * MATRIX}u`;
        const at = `(${row}) * ${op.outputs / 4}u + (first_output + my_output) / 4u + ${j * 4}u`;
        return `  subgroupMatrixStore<row_major>(&scratch, ${at}, sums${i}_${j}, ${op.outputs / 4}u);`;
      })
    : unroll(high, i => strip(op, i, wide, stripStride))
}`,
  });
}

/** WGSL for how many rows each part has: those of the step, filled up to whole tiles. */
export function paddedRows({ rows }: LinearOp, tileRows: number): string {
  return `((step.${rows} + ${tileRows - 1}u) / ${tileRows}u * ${tileRows}u)`;
}

/** Brings 16 rows of a subgroup's sums through workgroup memory, and stores them. */
function strip(op: LinearOp, i: number, wide: number, stride: number): string {
  const outputs = WIDE_OUTPUTS[op.epilogue];
  const perRow = (wide * MATRIX) / outputs;
  const items = MATRIX * perRow;
  const mine = `subgroup * ${MATRIX * stride}u`;
  const quads = Array.from({ length: outputs / 4 }, (_, q) => `quad${q}`);
  return `
  workgroupBarrier();
${unroll(wide, j => `  subgroupMatrixStore<row_major>(&staged, ${mine} + ${j * 4}u, sums${i}_${j}, ${stride}u);`)}
  workgroupBarrier();
${unroll(Math.ceil(items / MATRIX_LANES), n => {
  const guard = (n + 1) * MATRIX_LANES > items ? `lane < ${items - n * MATRIX_LANES}u && ` : '';
  return `  {
    let item = lane + ${n * MATRIX_LANES}u;
    let row = first_row + my_row + ${i * MATRIX}u + item / ${perRow}u;
    let output = first_output + my_output + (item % ${perRow}u) * ${outputs}u;
    if (${guard}row < step.${op.rows}) {
      let at = ${mine} + (item / ${perRow}u) * ${stride}u + (item % ${perRow}u) * ${outputs / 4}u;
${quads.map((name, q) => `      let ${name} = bitcast<vec4<f32>>(staged[at + ${q}u]);`).join('\n')}
      ${storeWide(op, 'row', 'output', quads)}
    }
  }`;
})}`;
}
