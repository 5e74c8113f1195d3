import { type Shader, shader, unroll } from '../kernels/shader.ts';
import { STEP_BINDING, STEP_STRUCT } from '../kernels/step-layout.ts';
import { formatOf, UNIT_FUNCTIONS, unpacked } from '../kernels/storage.ts';
import { EPILOGUE_FUNCTIONS, outputBindings, storeRow } from './epilogue.ts';
import type { LinearOp } from './linear-op.ts';
import type { LinearVariant } from './linear-variant.ts';

export interface TileOptions {
  /** Rows of X a workgroup has; a multiple of 4, at most `ROW_PADDING`. */
  readonly rows: number;
  /** Rows of W it has; a multiple of 4. */
  readonly outputs: number;
}

/**
 * Matrix times matrix without matrix units: tiles of both operands in workgroup memory, in f32 and transposed, so
 * that an invocation reads four neighbours at once for its 4 × 4 sums.
 */
export function tiledGemmShader(op: LinearOp, tile: TileOptions): Shader {
  const format = formatOf(op.dtype);
  const depth = [32, 16, 8].find(k => op.inputs % k === 0)!;
  const units = op.inputs / format.width;
  const across = tile.outputs / 4;
  const threads = across * (tile.rows / 4);
  const stage = (name: string, width: number, source: (quad: string, i: number) => string) => {
    const quads = width / 4;
    const items = quads * (depth / format.width);
    const lines = [
      `let quad = item % ${quads}u;`,
      `let unit = item / ${quads}u;`,
      unroll(4, i => `let n${i} = ${source('quad', i)};`),
    ];
    for (let part = 0; part < format.parts; part++) {
      lines.push(unroll(4, i => `let p${part}_${i} = ${unpacked(format, `n${i}`)[part]};`));
      for (let c = 0; c < 4; c++) {
        const column = Array.from({ length: 4 }, (_, i) => `p${part}_${i}.${'xyzw'[c]}`);
        const k = `(unit * ${format.width}u + ${part * 4 + c}u)`;
        lines.push(`${name}[${k} * ${quads}u + quad] = vec4<f32>(${column.join(', ')});`);
      }
    }
    const guard = items % threads === 0 ? '' : `if (item < ${items}u) `;
    return `for (var turn = 0u; turn < ${Math.ceil(items / threads)}u; turn++) {
      let item = turn * ${threads}u + local;
      ${guard}{ ${lines.join('\n')} }
    }`;
  };
  const output = (quad: string, i: number) => `min(first_output + ${quad} * 4u + ${i}u, ${op.outputs - 1}u)`;
  return shader({
    name: `tiled-gemm ${op.name} ${op.dtype} ${op.outputs}x${op.inputs} ${op.epilogue}${op.bias ? ' bias' : ''} tile ${tile.rows}x${tile.outputs}x${depth}`,
    bindings: [
      STEP_BINDING,
      { name: 'x', access: 'read', type: `array<${format.type}>` },
      { name: 'weights', access: 'read', type: `array<${format.type}>` },
      ...outputBindings(op),
    ],
    declarations: `${STEP_STRUCT}${UNIT_FUNCTIONS}${EPILOGUE_FUNCTIONS}
var<workgroup> left: array<vec4<f32>, ${depth * (tile.rows / 4)}>;
var<workgroup> right: array<vec4<f32>, ${depth * across}>;`,
    workgroupSize: threads,
    body: `
  let first_row = group.y * ${tile.rows}u;
  let first_output = group.x * ${tile.outputs}u;
  let tx = local % ${across}u;
  let ty = local / ${across}u;
${unroll(4, i => `  var s${i} = vec4<f32>();`)}
  for (var t = 0u; t < ${op.inputs / depth}u; t++) {
    let begin = t * ${depth / format.width}u;
${stage('left', tile.rows, (quad, i) => `x[(first_row + ${quad} * 4u + ${i}u) * ${units}u + begin + unit]`)}
${stage('right', tile.outputs, (quad, i) => `weights[${output(quad, i)} * ${units}u + begin + unit]`)}
    workgroupBarrier();
    for (var k = 0u; k < ${depth}u; k++) {
      let a = left[k * ${tile.rows / 4}u + ty];
      let b = right[k * ${across}u + tx];
${unroll(4, i => `      s${i} += a.${'xyzw'[i]} * b;`)}
    }
    workgroupBarrier();
  }
  let row = first_row + ty * 4u;
  let output = first_output + tx * 4u;
${unroll(4, i => {
  const values = Array.from('xyzw', c => `s${i}.${c}`);
  const store = storeRow(op, `row + ${i}u`, 'output', values, op.outputs % tile.outputs !== 0);
  return `  if (row + ${i}u < step.${op.rows}) { ${store} }`;
})}`,
  });
}

export function tiledVariant(tile: TileOptions, minRows: number): LinearVariant {
  return {
    name: `tiled-${tile.rows}x${tile.outputs}`,
    minRows,
    maxRows: Number.POSITIVE_INFINITY,
    supports: (_, traits) => traits.maxInvocations >= (tile.rows / 4) * (tile.outputs / 4),
    passes: op => [
      {
        shader: tiledGemmShader(op, tile),
        grid: rows => [Math.ceil(op.outputs / tile.outputs), Math.ceil(rows / tile.rows), 1],
      },
    ],
  };
}
