import { type Shader, shader, unroll } from './shader.ts';
import { type Dtype, formatOf, packed, UNIT_FUNCTIONS } from './storage.ts';

export type FileDtype = 'F32' | 'F16' | 'BF16';

/** Words of the uniform `convert`. */
export const CONVERT_FIELDS = [
  /** Rows of this piece, and elements of a row, in the file and in the buffer (16-byte units). */
  'rows',
  'columns',
  'units',
  /** Row r goes to `first_row` + r · `row_step`. */
  'first_row',
  'row_step',
] as const;

const ELEMENT: Record<FileDtype, string> = {
  F32: 'bitcast<f32>(source[i])',
  // Two elements a word, the first in its lower half.
  F16: 'unpack2x16float(source[i / 2u])[i % 2u]',
  BF16: 'bitcast<f32>(select(source[i / 2u] << 16u, source[i / 2u] & 0xffff0000u, (i & 1u) == 1u))',
};

export const CONVERT_THREADS = 256;

/** Workgroups for so many units, in two dimensions: one has 65,535 at most. */
export function convertGrid(units: number): [number, number, number] {
  const groups = Math.ceil(units / CONVERT_THREADS);
  const x = Math.min(groups, 32768);
  return [x, Math.ceil(groups / x), 1];
}

/**
 * Weights as their file has them into the form that kernels read, on the GPU: rows padded with zeros to whole units,
 * and placed at a stride, so that rows of two tensors can alternate. f16 saturates, for bf16 reaches further.
 */
export function convertShader(from: FileDtype, dtype: Dtype): Shader {
  const format = formatOf(dtype);
  const value = (part: number) =>
    `vec4<f32>(${[0, 1, 2, 3].map(k => `element(row, column + ${part * 4 + k}u)`).join(', ')})`;
  const clamped = (part: number) =>
    dtype === 'f32' ? `p${part}` : `clamp(p${part}, vec4<f32>(-65504.0), vec4<f32>(65504.0))`;
  return shader({
    name: `convert ${from} to ${dtype}`,
    bindings: [
      { name: 'convert', access: 'uniform', type: 'Convert' },
      { name: 'source', access: 'read', type: 'array<u32>' },
      { name: 'target_units', access: 'read_write', type: `array<${format.type}>` },
    ],
    declarations: `struct Convert {\n${CONVERT_FIELDS.map(field => `  ${field}: u32,`).join('\n')}\n}
${UNIT_FUNCTIONS}
fn element(row: u32, column: u32) -> f32 {
  if (column >= convert.columns) { return 0.0; }
  let i = row * convert.columns + column;
  return ${ELEMENT[from]};
}`,
    workgroupSize: CONVERT_THREADS,
    builtins: ['@builtin(num_workgroups) groups: vec3<u32>'],
    body: `
  let unit = (group.y * groups.x + group.x) * ${CONVERT_THREADS}u + local;
  if (unit >= convert.rows * convert.units) { return; }
  let row = unit / convert.units;
  let column = (unit % convert.units) * ${format.width}u;
${unroll(format.parts, part => `  let p${part} = ${value(part)};`)}
  let to = (convert.first_row + row * convert.row_step) * convert.units + unit % convert.units;
  target_units[to] = ${packed(
    format,
    Array.from({ length: format.parts }, (_, part) => clamped(part)),
  )};`,
  });
}
