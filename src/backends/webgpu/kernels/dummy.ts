import { CONVERT_FIELDS, CONVERT_THREADS } from './convert.ts';
import { type Shader, shader, unroll } from './shader.ts';
import { type Dtype, formatOf, packed, UNIT_FUNCTIONS } from './storage.ts';

/**
 * Fills rows of a matrix with noise, or with ones where `scale` is 0. Rows are placed, and padded with zeros, as
 * `convertShader` does.
 */
export function dummyWeightsShader(dtype: Dtype): Shader {
  const format = formatOf(dtype);
  const value = (part: number) =>
    `vec4<f32>(${[0, 1, 2, 3].map(k => `element(row, column + ${part * 4 + k}u)`).join(', ')})`;
  return shader({
    name: `dummy weights ${dtype}`,
    bindings: [
      { name: 'dummy', access: 'uniform', type: 'Dummy' },
      { name: 'target_units', access: 'read_write', type: `array<${format.type}>` },
    ],
    declarations: `struct Dummy {\n${CONVERT_FIELDS.map(field => `  ${field}: u32,`).join('\n')}\n  seed: u32,\n  scale: f32,\n}
${UNIT_FUNCTIONS}
fn pcg(value: u32) -> u32 {
  let state = value * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}
fn element(row: u32, column: u32) -> f32 {
  if (column >= dummy.columns) { return 0.0; }
  if (dummy.scale == 0.0) { return 1.0; }
  let hash = pcg((row * dummy.columns + column) ^ pcg(dummy.seed));
  return (f32(hash >> 8u) * ${2 ** -23} - 1.0) * dummy.scale;
}`,
    workgroupSize: CONVERT_THREADS,
    builtins: ['@builtin(num_workgroups) groups: vec3<u32>'],
    body: `
  let unit = (group.y * groups.x + group.x) * ${CONVERT_THREADS}u + local;
  if (unit >= dummy.rows * dummy.units) { return; }
  let row = unit / dummy.units;
  let column = (unit % dummy.units) * ${format.width}u;
${unroll(format.parts, part => `  let p${part} = ${value(part)};`)}
  let to = (dummy.first_row + row * dummy.row_step) * dummy.units + unit % dummy.units;
  target_units[to] = ${packed(
    format,
    Array.from({ length: format.parts }, (_, part) => `p${part}`),
  )};`,
  });
}
