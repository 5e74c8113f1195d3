import { list, type Shader, shader, unroll } from '../kernels/shader.ts';
import { BATCH_BINDING, ENTRY, STEP_BINDING, STEP_STRUCT } from '../kernels/step-layout.ts';
import {
  formatOf,
  packed,
  UNIT_FUNCTIONS,
  type UnitFormat,
  unpacked,
  unpackedQuad,
} from '../kernels/storage.ts';
import { type AttentionShape, headGroup } from './attention-shape.ts';

export interface PagedAttentionOptions extends AttentionShape {
  /** Tokens of a sequence that a workgroup has: 1 in decode. */
  readonly tokens: number;
  readonly items: 'decodes' | 'prefills';
  /** Also the positions of a tile. At least headDim / 4. */
  readonly threads: number;
}

/** Exponent base 2, as FlashAttention: exp2 is one instruction. */
const LOG2_E = Math.LOG2E;
const NOWHERE = '0xffffffffu';
/** Invocations that look for a tile's maximum together. */
const CHUNKS = 16;

/**
 * Attention of a few tokens of one sequence and the query heads that share a KV head, over a range of its
 * positions, through its block table. One kernel for decode, prefill chunks and prefix hits: a work item says
 * which tokens and which positions. Online softmax over tiles of `threads` positions: an invocation first has
 * one position, whose key it reads once for all queries, then one unit of the head's dimensions and every nth
 * value. Where a range is only a part (split-K), the sum is left unnormalised for `mergeShader`.
 * Grid: query-head groups, work items.
 */
export function pagedAttentionShader(options: PagedAttentionOptions): Shader {
  const { dtype, heads, kvHeads, headDim, blockSize, window, tokens, items, threads } = options;
  const format = formatOf(dtype);
  const group = headGroup(options);
  const rows = group * tokens;
  const perKvHead = heads / kvHeads / group;
  const units = headDim / format.width;
  const quads = headDim / 4;
  const slices = Math.floor(threads / units);
  const each = (line: (r: number) => string) => unroll(rows, line);
  const chunk = threads / CHUNKS;
  const token = (r: number) => Math.floor(r / group);
  return shader({
    name: `paged-attention ${dtype} ${heads}/${kvHeads}x${headDim} block ${blockSize}${window ? ` window ${window}` : ''} ${items} tokens ${tokens} threads ${threads}`,
    bindings: [
      STEP_BINDING,
      BATCH_BINDING,
      { name: 'queries', access: 'read', type: `array<${format.quad}>` },
      { name: 'keys', access: 'read', type: `array<${format.type}>` },
      { name: 'values', access: 'read', type: `array<${format.type}>` },
      { name: 'attended', access: 'read_write', type: `array<${format.type}>` },
      { name: 'partials', access: 'read_write', type: 'array<vec4<f32>>' },
      { name: 'partial_stats', access: 'read_write', type: 'array<vec2<f32>>' },
    ],
    declarations: `${STEP_STRUCT}${UNIT_FUNCTIONS}
var<workgroup> q: array<vec4<f32>, ${rows * quads}>;
var<workgroup> p: array<f32, ${rows * threads}>;
var<workgroup> places: array<u32, ${threads}>;
var<workgroup> chunks: array<f32, ${rows * CHUNKS}>;
var<workgroup> sums: array<vec4<f32>, ${threads * format.parts}>;`,
    workgroupSize: threads,
    body: `
  let item = step.at_${items} + group.y * ${ENTRY.attention}u;
  let row = u32(batch[item]);
  let first = u32(batch[item + 1u]);
  let count = u32(batch[item + 2u]);
  let start = u32(batch[item + 3u]);
  let end = u32(batch[item + 4u]);
  let partial = batch[item + 5u];
  let kv_head = group.x / ${perKvHead}u;
  let head = group.x * ${group}u;
${unroll(Math.ceil((rows * quads) / threads), pass => {
  const guard =
    (pass + 1) * threads > rows * quads ? `if (local + ${pass * threads}u < ${rows * quads}u) ` : '';
  return `  ${guard}{
    let i = local + ${pass * threads}u;
    let r = i / ${quads}u;
    let t = first + min(r / ${group}u, count - 1u);
    let value = queries[(t * ${heads}u + head + r % ${group}u) * ${quads}u + i % ${quads}u];
    q[i] = ${unpackedQuad(format, 'value')} * ${LOG2_E / Math.sqrt(headDim)};
  }`;
})}
${unroll(tokens, t => `  let limit${t} = u32(batch[step.at_positions + first + min(${t}u, count - 1u)]);`)}
${each(r => `  var m${r} = -1e30;\n  var l${r} = 0.0;\n${unroll(format.parts, part => `  var o${r}_${part} = vec4<f32>();`)}`)}
  let unit = local % ${units}u;
  let slice = local / ${units}u;
  for (var t = 0u; t < 1048576u; t++) {
    let tile = start + t * ${threads}u;
    if (tile >= end) { break; }
    let position = tile + local;
    workgroupBarrier();
    var place = ${NOWHERE};
    if (position < end) {
      let block = batch[step.at_tables + row * step.table_width + position / ${blockSize}u];
      if (block >= 0) {
        place = ((u32(block) * ${kvHeads}u + kv_head) * ${blockSize}u + position % ${blockSize}u) * ${units}u;
      }
    }
    places[local] = place;
${each(r => `    var s${r} = 0.0;`)}
    if (place != ${NOWHERE}) {
      for (var u = 0u; u < ${units}u; u++) {
        let k = keys[place + u];
${unroll(format.parts, part => `        let k${part} = ${unpacked(format, 'k')[part]};`)}
${each(r => unroll(format.parts, part => `        s${r} += dot(k${part}, q[${r * quads}u + u * ${format.parts}u + ${part}u]);`))}
      }
    }
${unroll(tokens, t => `    let seen${t} = place != ${NOWHERE} && position <= limit${t}${window ? ` && position + ${window}u > limit${t}` : ''};`)}
${each(r => `    p[${r * threads}u + local] = select(-1e30, s${r}, seen${token(r)});`)}
    workgroupBarrier();
${unroll(Math.ceil((rows * CHUNKS) / threads), pass => {
  const guard =
    (pass + 1) * threads > rows * CHUNKS ? `if (local + ${pass * threads}u < ${rows * CHUNKS}u) ` : '';
  // Row-major, so that chunk c of row r begins at (r · chunks + c) · chunk.
  return `    ${guard}{
      let c = local + ${pass * threads}u;
      var most = p[c * ${chunk}u];
${unroll(chunk - 1, i => `      most = max(most, p[c * ${chunk}u + ${i + 1}u]);`)}
      chunks[c] = most;
    }`;
})}
    workgroupBarrier();
${each(r => `    var most${r} = m${r};`)}
    for (var c = 0u; c < ${CHUNKS}u; c++) {
${each(r => `      most${r} = max(most${r}, chunks[${r * CHUNKS}u + c]);`)}
    }
${each(
  r => `    {
      let most = most${r};
      let scale = exp2(m${r} - most);
      m${r} = most;
      let e = select(0.0, exp2(s${r} - most), seen${token(r)});
      l${r} = l${r} * scale + e;
      p[${r * threads}u + local] = e;
${unroll(format.parts, part => `      o${r}_${part} *= scale;`)}
    }`,
)}
    workgroupBarrier();
    if (slice < ${slices}u) {
      for (var i = 0u; i < ${Math.ceil(threads / slices)}u; i++) {
        let at = i * ${slices}u + slice;
        if (at >= ${threads}u || tile + at >= end) { break; }
        let begin = places[at];
        // Skipped, not multiplied by 0: what no one wrote may be no number.
        if (begin != ${NOWHERE}) {
          let v = values[begin + unit];
${unroll(format.parts, part => `          let v${part} = ${unpacked(format, 'v')[part]};`)}
${each(r => `          let e${r} = p[${r * threads}u + at];\n${unroll(format.parts, part => `          o${r}_${part} += e${r} * v${part};`)}`)}
        }
      }
    }
  }
  workgroupBarrier();
${each(r => `  p[${r * threads}u + local] = l${r};`)}
  workgroupBarrier();
${each(r => finish(r, { format, units, slices, threads, heads, group, quads }))}`,
  });
}

interface Finish {
  readonly format: UnitFormat;
  readonly units: number;
  readonly slices: number;
  readonly threads: number;
  readonly heads: number;
  readonly group: number;
  readonly quads: number;
}

/** Sums a row over the slices and invocations, and stores it: normalised, or as a partial result. */
function finish(r: number, { format, units, slices, threads, heads, group, quads }: Finish): string {
  const { parts } = format;
  const token = Math.floor(r / group);
  const total = (part: number) => `total${part}`;
  return `
${unroll(parts, part => `  sums[local * ${parts}u + ${part}u] = o${r}_${part};`)}
  workgroupBarrier();
  if (local < ${units}u && ${token}u < count) {
${unroll(parts, part => `    var ${total(part)} = vec4<f32>();`)}
    for (var s = 0u; s < ${slices}u; s++) {
${unroll(parts, part => `      ${total(part)} += sums[(s * ${units}u + local) * ${parts}u + ${part}u];`)}
    }
    var l = 0.0;
    for (var i = 0u; i < ${threads}u; i++) { l += p[${r * threads}u + i]; }
    if (partial < 0) {
      let norm = select(0.0, 1.0 / l, l > 0.0);
      attended[((first + ${token}u) * ${heads}u + head + ${r % group}u) * ${units}u + local] = ${packed(
        format,
        list(parts, part => `${total(part)} * norm`, '|').split('|'),
      )};
    } else {
      let to = (u32(partial) + ${token}u) * ${heads}u + head + ${r % group}u;
${unroll(parts, part => `      partials[to * ${quads}u + local * ${parts}u + ${part}u] = ${total(part)};`)}
      if (local == 0u) { partial_stats[to] = vec2<f32>(m${r}, l); }
    }
  }
  workgroupBarrier();`;
}
