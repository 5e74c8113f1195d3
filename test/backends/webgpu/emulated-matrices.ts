import type { Shader } from '../../../src/backends/webgpu/kernels/shader.ts';

const LOAD = /subgroupMatrixLoad<(Left|Right|Sums), (row_major|col_major)>\(&(\w+), /g;
const STORE = /subgroupMatrixStore<row_major>\(&(\w+), /g;

/** Two invocations share a row: eight columns of sums each. A right matrix is where it lies, and is used before that changes. */
const TYPES = `
var<private> my_lane: u32;
struct Left { low: vec4<u32>, high: vec4<u32> }
struct Right { offset: u32, stride: u32, by_column: bool }
struct Sums { low: vec4<f32>, high: vec4<f32> }
fn half_at(unit: vec4<u32>, i: u32) -> f32 { return unpack2x16float(unit[i / 2u])[i % 2u]; }
fn right_at(m: Right, k: u32, column: u32) -> f32 {
  if (m.by_column) { return half_at(staged[m.offset + column * m.stride + k / 8u], k % 8u); }
  return half_at(staged[m.offset + k * m.stride + column / 8u], column % 8u);
}
fn multiply_add(left: Left, right: Right, sums: Sums) -> Sums {
  var result = sums;
  for (var k = 0u; k < 16u; k++) {
    var unit = left.low;
    if (k >= 8u) { unit = left.high; }
    let a = half_at(unit, k % 8u);
    for (var c = 0u; c < 4u; c++) {
      result.low[c] += a * right_at(right, k, (my_lane % 2u) * 8u + c);
      result.high[c] += a * right_at(right, k, (my_lane % 2u) * 8u + 4u + c);
    }
  }
  return result;
}`;

/** The shader without subgroup matrices, for a GPU that has none. Slow, and right where the shader is. */
export function emulated(shader: Shader): Shader {
  if (!shader.code.includes('subgroupMatrix')) return shader;
  const functions = new Map<string, string>();
  const code = shader.code
    .replace(/^enable (f16|chromium_experimental_subgroup_matrix);$/gm, '')
    .replace(/^alias (Left|Right|Sums) = .*$/gm, '')
    .replace('@builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) lane: u32', '')
    .replace(
      /(fn main\([^{]*\{)/,
      '$1\n  let subgroup = local / 32u;\n  let lane = local % 32u;\n  my_lane = lane;',
    )
    .replace(LOAD, (_, type: string, layout: string, memory: string) => {
      const name = `load_${type}_${layout}_${memory}`;
      functions.set(name, loadFunction(name, type, layout, memory));
      return `${name}(`;
    })
    .replace(STORE, (_, memory: string) => {
      const name = `store_${memory}`;
      functions.set(name, storeFunction(name, memory));
      return `${name}(`;
    })
    .replaceAll('subgroupMatrixMultiplyAccumulate(', 'multiply_add(')
    .replace(/subgroupMatrixMultiply<f32>\(([^;]*)\);/g, 'multiply_add($1, Sums());');
  return {
    ...shader,
    name: `${shader.name}, emulated`,
    code: [code, TYPES, ...functions.values()].join('\n'),
  };
}

/** Offsets and strides count vectors of 16 bytes: eight f16, or four sums. */
function loadFunction(name: string, type: string, layout: string, memory: string): string {
  const at =
    type === 'Sums'
      ? 'offset + (my_lane / 2u) * stride + (my_lane % 2u) * 2u'
      : 'offset + (my_lane / 2u) * stride';
  const value = (unit: string) => (type === 'Sums' ? `bitcast<vec4<f32>>(${unit})` : unit);
  const result =
    type === 'Right'
      ? `Right(offset, stride, ${layout === 'col_major'})`
      : `${type}(${value(`${memory}[${at}]`)}, ${value(`${memory}[${at} + 1u]`)})`;
  return `fn ${name}(offset: u32, stride: u32) -> ${type} { return ${result}; }`;
}

function storeFunction(name: string, memory: string): string {
  // The one memory of f32.
  const value = (part: string) => (memory === 'scratch' ? part : `bitcast<vec4<u32>>(${part})`);
  return `fn ${name}(offset: u32, sums: Sums, stride: u32) {
  let at = offset + (my_lane / 2u) * stride + (my_lane % 2u) * 2u;
  ${memory}[at] = ${value('sums.low')};
  ${memory}[at + 1u] = ${value('sums.high')};
}`;
}
