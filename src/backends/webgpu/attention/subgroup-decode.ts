import { list, type Shader, shader, unroll } from '../kernels/shader.ts';
import { BATCH_BINDING, ENTRY, STEP_BINDING, STEP_STRUCT } from '../kernels/step-layout.ts';
import { formatOf, packed, UNIT_FUNCTIONS, unpacked, unpackedQuad } from '../kernels/storage.ts';
import type { DeviceTraits } from '../traits.ts';
import { type AttentionShape, headGroup } from './attention-shape.ts';

export interface SubgroupDecodeOptions extends AttentionShape {
  readonly subgroupSize: number;
  /** A multiple of the subgroup's. */
  readonly threads: number;
}

/** Whether the lanes of a subgroup can share rows of keys out evenly. */
export function decodesBySubgroup(
  { dtype, headDim }: AttentionShape,
  { subgroupSize }: Pick<DeviceTraits, 'subgroupSize'>,
): boolean {
  const units = headDim / formatOf(dtype).width;
  return subgroupSize !== undefined && Number.isInteger(Math.log2(units)) && units <= subgroupSize;
}

/**
 * Attention of one token of a sequence and the query heads that share a KV head, over a range of its positions.
 * Bound by the bandwidth of the KV cache: as many neighbouring lanes as a key has units of 16 bytes have one
 * position, so that a subgroup reads whole keys, and every lane has several keys and values on their way at once.
 * Each such team of lanes has a softmax of its own; they are merged at the end, as FlashDecoding merges its splits.
 * Grid: query-head groups, work items.
 */
export function subgroupDecodeShader(options: SubgroupDecodeOptions): Shader {
  const { dtype, heads, kvHeads, headDim, blockSize, subgroupSize, threads } = options;
  const format = formatOf(dtype);
  const { parts } = format;
  const group = headGroup(options);
  const perKvHead = heads / kvHeads / group;
  const units = headDim / format.width;
  const quads = headDim / 4;
  /** Positions that a subgroup has beside each other, and after each other in one turn of its loop. */
  const beside = subgroupSize / units;
  const after = group > 4 ? 2 : 4;
  const subgroups = threads / subgroupSize;
  const states = subgroups * beside;
  const each = (line: (r: number) => string) => unroll(group, line);
  const halvings: number[] = [];
  for (let mask = units / 2; mask >= 1; mask /= 2) halvings.push(mask);
  /** Of the position that a lane has in the tile that begins there. */
  const block = (tile: string, k: number) =>
    `batch[table + min(${tile} + ${k * beside}u + place, end - 1u) / ${blockSize}u]`;
  const dots = (r: number, k: number) => list(parts, part => `dot(q${r}_${part}, k${k}_${part})`, ' + ');
  return shader({
    name: `subgroup-decode ${dtype} ${heads}/${kvHeads}x${headDim} block ${blockSize} subgroups of ${subgroupSize} threads ${threads}`,
    enables: ['subgroups'],
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
var<workgroup> stats: array<vec2<f32>, ${states}>;
var<workgroup> sums: array<vec4<f32>, ${states * quads}>;`,
    workgroupSize: threads,
    builtins: ['@builtin(subgroup_invocation_id) lane: u32', '@builtin(subgroup_id) mine: u32'],
    body: `
  let item = step.at_decodes + group.y * ${ENTRY.attention}u;
  let table = step.at_tables + u32(batch[item]) * step.table_width;
  let token = u32(batch[item + 1u]);
  let start = u32(batch[item + 3u]);
  let end = u32(batch[item + 4u]);
  let partial = batch[item + 5u];
  let kv_head = group.x / ${perKvHead}u;
  let head = group.x * ${group}u;
  let unit = lane % ${units}u;
  let place = lane / ${units}u;
${each(r =>
  unroll(parts, part => {
    const quad = `queries[(token * ${heads}u + head + ${r}u) * ${quads}u + unit * ${parts}u + ${part}u]`;
    return `  let q${r}_${part} = ${unpackedQuad(format, quad)} * ${Math.LOG2E / Math.sqrt(headDim)};\n  var o${r}_${part} = vec4<f32>();`;
  }),
)}
${each(r => `  var m${r} = -1e30;\n  var l${r} = 0.0;`)}
  let begin = start + mine * ${beside * after}u;
${unroll(after, k => `  var block${k} = ${block('begin', k)};`)}
  for (var t = 0u; t < 1048576u; t++) {
    let tile = begin + t * ${subgroups * beside * after}u;
    if (tile >= end) { break; }
    // Without branches, so that all loads are on their way at once; beyond the end, the last position once more.
${unroll(
  after,
  k => `    let at${k} = min(tile + ${k * beside}u + place, end - 1u);
    let seen${k} = tile + ${k * beside}u + place < end && block${k} >= 0;
    let from${k} = ((u32(max(block${k}, 0)) * ${kvHeads}u + kv_head) * ${blockSize}u + at${k} % ${blockSize}u) * ${units}u + unit;`,
)}
${unroll(after, k => `    let key${k} = keys[from${k}];`)}
${unroll(after, k => `    let found${k} = values[from${k}];`)}
    let next = tile + ${subgroups * beside * after}u;
${unroll(after, k => `    block${k} = ${block('next', k)};`)}
    // Zero where nothing is seen: what no one wrote may be no number.
${unroll(after, k => `    let value${k} = select(${format.type}(), found${k}, seen${k});`)}
${unroll(after, k => unroll(parts, part => `    let k${k}_${part} = ${unpacked(format, `key${k}`)[part]};`))}
${each(r => unroll(after, k => `    var s${r}_${k} = ${dots(r, k)};`))}
${halvings
  .map(mask => each(r => unroll(after, k => `    s${r}_${k} += subgroupShuffleXor(s${r}_${k}, ${mask}u);`)))
  .join('\n')}
${unroll(after, k => unroll(parts, part => `    let v${k}_${part} = ${unpacked(format, `value${k}`)[part]};`))}
${each(
  r => `    {
      var most = m${r};
${unroll(after, k => `      most = max(most, select(-1e30, s${r}_${k}, seen${k}));`)}
      let scale = exp2(m${r} - most);
      m${r} = most;
${unroll(after, k => `      let e${k} = select(0.0, exp2(s${r}_${k} - most), seen${k});`)}
      l${r} = l${r} * scale + ${list(after, k => `e${k}`, ' + ')};
${unroll(parts, part => `      o${r}_${part} = o${r}_${part} * scale + ${list(after, k => `e${k} * v${k}_${part}`, ' + ')};`)}
    }`,
)}
  }
  let state = mine * ${beside}u + place;
${each(
  r => `
  if (unit == 0u) { stats[state] = vec2<f32>(m${r}, l${r}); }
${unroll(parts, part => `  sums[state * ${quads}u + unit * ${parts}u + ${part}u] = o${r}_${part};`)}
  workgroupBarrier();
  if (local < ${units}u) {
    var most = -1e30;
    for (var i = 0u; i < ${states}u; i++) { most = max(most, stats[i].x); }
    var l = 0.0;
${unroll(parts, part => `    var total${part} = vec4<f32>();`)}
    for (var i = 0u; i < ${states}u; i++) {
      let scale = exp2(stats[i].x - most);
      l += stats[i].y * scale;
${unroll(parts, part => `      total${part} += scale * sums[i * ${quads}u + local * ${parts}u + ${part}u];`)}
    }
    if (partial < 0) {
      let norm = select(0.0, 1.0 / l, l > 0.0);
      attended[(token * ${heads}u + head + ${r}u) * ${units}u + local] = ${packed(
        format,
        Array.from({ length: parts }, (_, part) => `total${part} * norm`),
      )};
    } else {
      let to = u32(partial) * ${heads}u + head + ${r}u;
${unroll(parts, part => `      partials[to * ${quads}u + local * ${parts}u + ${part}u] = total${part};`)}
      if (local == 0u) { partial_stats[to] = vec2<f32>(most, l); }
    }
  }
  workgroupBarrier();`,
)}`,
  });
}
