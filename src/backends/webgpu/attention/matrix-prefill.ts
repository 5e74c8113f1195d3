import {
  hasMatrixUnit,
  MATRIX,
  MATRIX_ENABLES,
  MATRIX_LANES,
  MATRIX_TYPES,
  stagedStride,
} from '../kernels/matrix-unit.ts';
import { type Shader, shader, unroll } from '../kernels/shader.ts';
import { BATCH_BINDING, ENTRY, STEP_BINDING, STEP_STRUCT } from '../kernels/step-layout.ts';
import type { DeviceTraits } from '../traits.ts';
import { type AttentionShape, headGroup } from './attention-shape.ts';

/** Rows of queries, (token, head of the group), that a workgroup has: 16 for each of its subgroups. */
const ROWS = 64;
/** Positions of a tile. */
const TILE = 64;
const THREADS = (ROWS / MATRIX) * MATRIX_LANES;
const SCORE_STRIDE = TILE / 4 + 1;
/** A score may exceed the reference by this power of two before sums are rescaled; 2⁸ · 64 is well inside f16. */
const SLACK = 8;
/** Matrices of sums that are brought through workgroup memory at once. */
const AT_ONCE = 4;

/** Tokens that a workgroup has. */
export function matrixPrefillTokens(shape: AttentionShape): number {
  return Math.floor(ROWS / headGroup(shape));
}

function stagedUnits(headDim: number): number {
  const sums = (THREADS / MATRIX_LANES) * MATRIX * (AT_ONCE * 4 + 1);
  return Math.max(TILE * stagedStride(headDim), sums);
}

/** Whether a device has the matrices, and the registers and workgroup memory for heads of this size. */
export function prefillsByMatrix(shape: AttentionShape, traits: DeviceTraits): boolean {
  const { dtype, headDim } = shape;
  const bytes = 16 * (stagedUnits(headDim) + ROWS * SCORE_STRIDE) + 16;
  return (
    dtype === 'f16' &&
    headDim % MATRIX === 0 &&
    headDim <= 128 &&
    hasMatrixUnit(traits) &&
    traits.maxInvocations >= THREADS &&
    traits.workgroupStorage >= bytes
  );
}

/**
 * FlashAttention-2 on matrix units, through the block table: prefill chunks and prefix hits. Keys and values are
 * staged through the same workgroup memory one after the other; scores come back as probabilities in f16 in place.
 *
 * WGSL shows no element of a matrix, so that rows of the sums cannot be rescaled in registers. They are not, as long
 * as no score is much larger than the reference, which is the row's maximum when it was last rescaled; when one is,
 * the sums take a way through workgroup memory (FlashAttention-4 skips rescaling likewise).
 * Grid: query-head groups, work items.
 */
export function matrixPrefillShader(shape: AttentionShape): Shader {
  const { heads, kvHeads, headDim, blockSize, window } = shape;
  const group = headGroup(shape);
  const perKvHead = heads / kvHeads / group;
  const units = headDim / 8;
  const stride = stagedStride(headDim);
  const wide = headDim / MATRIX;
  const loads = (TILE * units) / THREADS;
  const across = TILE / MATRIX;
  const log2e = Math.LOG2E / Math.sqrt(headDim);
  const mine = `subgroup * ${MATRIX}u`;
  const seen = (c: string) =>
    `${c} < end && ${c} <= limit${window === undefined ? '' : ` && ${c} + ${window}u > limit`}`;
  return shader({
    name: `matrix-prefill ${heads}/${kvHeads}x${headDim} block ${blockSize}${window ? ` window ${window}` : ''}`,
    enables: MATRIX_ENABLES,
    bindings: [
      STEP_BINDING,
      BATCH_BINDING,
      { name: 'queries', access: 'read', type: 'array<vec4<u32>>' },
      { name: 'keys', access: 'read', type: 'array<vec4<u32>>' },
      { name: 'values', access: 'read', type: 'array<vec4<u32>>' },
      { name: 'attended', access: 'read_write', type: 'array<vec4<u32>>' },
      { name: 'partials', access: 'read_write', type: 'array<vec4<f32>>' },
      { name: 'partial_stats', access: 'read_write', type: 'array<vec2<f32>>' },
    ],
    declarations: `${STEP_STRUCT}${MATRIX_TYPES}
var<workgroup> staged: array<vec4<u32>, ${stagedUnits(headDim)}>;
var<workgroup> scores: array<vec4<u32>, ${ROWS * SCORE_STRIDE}>;
var<workgroup> rescale: u32;
fn packed_quad(v: vec4<f32>) -> vec2<u32> { return vec2<u32>(pack2x16float(v.xy), pack2x16float(v.zw)); }`,
    workgroupSize: THREADS,
    builtins: ['@builtin(subgroup_id) subgroup: u32', '@builtin(subgroup_invocation_id) lane: u32'],
    body: `
  let item = step.at_prefills + group.y * ${ENTRY.attention}u;
  let table = step.at_tables + u32(batch[item]) * step.table_width;
  let first = u32(batch[item + 1u]);
  let count = u32(batch[item + 2u]);
  let start = u32(batch[item + 3u]);
  let end = u32(batch[item + 4u]);
  let partial = batch[item + 5u];
  let kv_head = group.x / ${perKvHead}u;
  let head = group.x * ${group}u;
  let unit = local % ${units}u;
  let place = local / ${units}u;
${unroll(
  loads,
  n => `  {
    let row = place + ${(n * THREADS) / units}u;
    let token = first + min(row / ${group}u, count - 1u);
    staged[row * ${stride}u + unit] = queries[(token * ${heads}u + head + row % ${group}u) * ${units}u + unit];
  }`,
)}
  workgroupBarrier();
${unroll(wide, d => `  let q${d} = subgroupMatrixLoad<Left, row_major>(&staged, ${mine} * ${stride}u + ${d * 2}u, ${stride}u);`)}
${unroll(wide, d => `  var o${d}: Sums;`)}
  // Two lanes have a row of scores, half of it each.
  let my_row = ${mine} + lane / 2u;
  let half = lane % 2u;
  let my_token = min(my_row / ${group}u, count - 1u);
  let limit = u32(batch[step.at_positions + first + my_token]);
  let my_scores = my_row * ${SCORE_STRIDE}u + half * ${TILE / 8}u;
  var most = -1e30;
  var l = 0.0;
${unroll(loads, n => `  var k${n} = vec4<u32>();\n  var v${n} = vec4<u32>();\n  var at${n} = 0u;\n  var there${n} = false;`)}
${fetchKeys('start')}
  for (var t = 0u; t < 1048576u; t++) {
    let tile = start + t * ${TILE}u;
    if (tile >= end) { break; }
    workgroupBarrier();
${unroll(loads, n => `    staged[(place + ${(n * THREADS) / units}u) * ${stride}u + unit] = k${n};`)}
    if (local == 0u) { rescale = 0u; }
    // Zero where there are none: what no one wrote may be no number, and 0 · NaN is none either.
${unroll(loads, n => `    v${n} = vec4<u32>();\n    if (there${n}) { v${n} = values[at${n}]; }`)}
    workgroupBarrier();
${unroll(
  across,
  j => `    {
      // Begun with a product: a matrix that is declared in a loop is not zero again in its next turn.
${unroll(
  wide,
  d => `      let key${d} = subgroupMatrixLoad<Right, col_major>(&staged, ${j * MATRIX * stride + d * 2}u, ${stride}u);
      ${d === 0 ? 'var s = subgroupMatrixMultiply<f32>(q0, key0);' : `s = subgroupMatrixMultiplyAccumulate(q${d}, key${d}, s);`}`,
)}
      subgroupMatrixStore<row_major>(&scores, ${mine} * ${SCORE_STRIDE}u + ${j * 4}u, s, ${SCORE_STRIDE}u);
    }`,
)}
    workgroupBarrier();
${fetchKeys(`(tile + ${TILE}u)`)}
    var tile_most = -1e30;
${unroll(
  TILE / 8,
  i => `    var s${i} = bitcast<vec4<f32>>(scores[my_scores + ${i}u]) * ${log2e};
    {
      let c = vec4<u32>(0u, 1u, 2u, 3u) + (tile + half * ${TILE / 2}u + ${i * 4}u);
${[...'xyzw'].map(c => `      if (!(${seen(`c.${c}`)})) { s${i}.${c} = -1e30; }`).join('\n')}
      tile_most = max(tile_most, max(max(s${i}.x, s${i}.y), max(s${i}.z, s${i}.w)));
    }`,
)}
    tile_most = max(tile_most, subgroupShuffleXor(tile_most, 1u));
    var scale = 1.0;
    if (tile_most > most + ${SLACK}.0) {
      scale = exp2(most - tile_most);
      most = tile_most;
      // There is nothing to rescale before the first tile.
      if (t > 0u) { rescale = 1u; }
    }
    var sum = 0.0;
    let floor = select(most, 0.0, most < -1e29);
${unroll(TILE / 8, i => `    s${i} = exp2(s${i} - floor);\n    sum += s${i}.x + s${i}.y + s${i}.z + s${i}.w;`)}
    l = l * scale + sum;
${unroll(TILE / 16, i => `    scores[my_scores + ${i}u] = vec4<u32>(packed_quad(s${2 * i}), packed_quad(s${2 * i + 1}));`)}
    if (workgroupUniformLoad(&rescale) != 0u) {
${rounds(
  wide,
  (from, width) => `      workgroupBarrier();
${storeSums(from, width)}
      workgroupBarrier();
${unroll(
  width * 2,
  i => `      {
        let at = my_row * ${AT_ONCE * 4 + 1}u + half * ${width * 2}u + ${i}u;
        staged[at] = bitcast<vec4<u32>>(bitcast<vec4<f32>>(staged[at]) * scale);
      }`,
)}
      workgroupBarrier();
${unroll(
  width,
  j =>
    `      o${from + j} = subgroupMatrixLoad<Sums, row_major>(&staged, ${mine} * ${AT_ONCE * 4 + 1}u + ${j * 4}u, ${AT_ONCE * 4 + 1}u);`,
)}`,
)}
      workgroupBarrier();
    }
${unroll(loads, n => `    staged[(place + ${(n * THREADS) / units}u) * ${stride}u + unit] = v${n};`)}
    workgroupBarrier();
${unroll(across, j => {
  // Each half of a row's probabilities is where that half's scores were.
  const at = Math.floor(j / (across / 2)) * (TILE / 8) + (j % (across / 2)) * 2;
  return `    {
      let p = subgroupMatrixLoad<Left, row_major>(&scores, ${mine} * ${SCORE_STRIDE}u + ${at}u, ${SCORE_STRIDE}u);
${unroll(
  wide,
  d => `      {
        let value = subgroupMatrixLoad<Right, row_major>(&staged, ${j * MATRIX * stride + d * 2}u, ${stride}u);
        o${d} = subgroupMatrixMultiplyAccumulate(p, value, o${d});
      }`,
)}
    }`;
})}
  }
  l += subgroupShuffleXor(l, 1u);
  let norm = select(0.0, 1.0 / l, l > 0.0);
  let stored = my_row < count * ${group}u;
  let query = (first + my_token) * ${heads}u + head + my_row % ${group}u;
  let to = (u32(max(partial, 0)) + my_token) * ${heads}u + head + my_row % ${group}u;
${rounds(
  wide,
  (from, width) => `  workgroupBarrier();
${storeSums(from, width)}
  workgroupBarrier();
  if (stored) {
${unroll(width, i => {
  const at = `my_row * ${AT_ONCE * 4 + 1}u + half * ${width * 2}u + ${i * 2}u`;
  const column = from * 2;
  return `    {
      let a = bitcast<vec4<f32>>(staged[${at}]);
      let b = bitcast<vec4<f32>>(staged[${at} + 1u]);
      if (partial < 0) {
        attended[query * ${units}u + ${column}u + half * ${width}u + ${i}u] = vec4<u32>(packed_quad(a * norm), packed_quad(b * norm));
      } else {
        let quad = to * ${headDim / 4}u + ${column * 2}u + half * ${width * 2}u + ${i * 2}u;
        partials[quad] = a;
        partials[quad + 1u] = b;
      }
    }`;
})}
  }`,
)}
  if (stored && partial >= 0 && half == 0u) { partial_stats[to] = vec2<f32>(most, l); }`,
  });

  /** Keys of a tile into registers, and where its values are. */
  function fetchKeys(tile: string): string {
    return unroll(
      loads,
      n => `    {
      let position = ${tile} + place + ${(n * THREADS) / units}u;
      there${n} = false;
      k${n} = vec4<u32>();
      if (position < end) {
        let block = batch[table + position / ${blockSize}u];
        if (block >= 0) {
          there${n} = true;
          at${n} = ((u32(block) * ${kvHeads}u + kv_head) * ${blockSize}u + position % ${blockSize}u) * ${units}u + unit;
          k${n} = keys[at${n}];
        }
      }
    }`,
    );
  }

  function storeSums(from: number, width: number): string {
    const to = `${mine} * ${AT_ONCE * 4 + 1}u`;
    return unroll(
      width,
      j => `  subgroupMatrixStore<row_major>(&staged, ${to} + ${j * 4}u, o${from + j}, ${AT_ONCE * 4 + 1}u);`,
    );
  }
}

/** Over `wide` matrices, a few at a time. */
function rounds(wide: number, lines: (from: number, width: number) => string): string {
  const out: string[] = [];
  for (let from = 0; from < wide; from += AT_ONCE) out.push(lines(from, Math.min(AT_ONCE, wide - from)));
  return out.join('\n');
}
