import { type Shader, shader, unroll } from '../kernels/shader.ts';
import { BATCH_BINDING, ENTRY, STEP_BINDING, STEP_STRUCT } from '../kernels/step-layout.ts';
import { type Dtype, formatOf, packed, UNIT_FUNCTIONS } from '../kernels/storage.ts';

const THREADS = 64;

/**
 * Puts the parts of a split attention together: each weighed by its share of the softmax's denominator
 * (FlashDecoding). Grid: heads, tokens that were split.
 */
export function mergeShader({
  dtype,
  heads,
  headDim,
}: {
  dtype: Dtype;
  heads: number;
  headDim: number;
}): Shader {
  const format = formatOf(dtype);
  const { parts } = format;
  const units = headDim / format.width;
  return shader({
    name: `merge-attention ${dtype} ${heads}x${headDim}`,
    bindings: [
      STEP_BINDING,
      BATCH_BINDING,
      { name: 'partials', access: 'read', type: 'array<vec4<f32>>' },
      { name: 'partial_stats', access: 'read', type: 'array<vec2<f32>>' },
      { name: 'attended', access: 'read_write', type: `array<${format.type}>` },
    ],
    declarations: `${STEP_STRUCT}${UNIT_FUNCTIONS}`,
    workgroupSize: THREADS,
    body: `
  if (local >= ${units}u) { return; }
  let merge = step.at_merges + group.y * ${ENTRY.merge}u;
  let token = u32(batch[merge]);
  let count = u32(batch[merge + 1u]);
  let first = u32(batch[merge + 2u]);
  let apart = u32(batch[merge + 3u]);
  var most = -1e30;
  for (var i = 0u; i < 1048576u; i++) {
    if (i >= count) { break; }
    most = max(most, partial_stats[(first + i * apart) * ${heads}u + group.x].x);
  }
  var l = 0.0;
${unroll(parts, part => `  var total${part} = vec4<f32>();`)}
  for (var i = 0u; i < 1048576u; i++) {
    if (i >= count) { break; }
    let begin = (first + i * apart) * ${heads}u + group.x;
    let stats = partial_stats[begin];
    let scale = exp2(stats.x - most);
    l += stats.y * scale;
${unroll(parts, part => `    total${part} += scale * partials[begin * ${headDim / 4}u + local * ${parts}u + ${part}u];`)}
  }
  let norm = select(0.0, 1.0 / l, l > 0.0);
  attended[(token * ${heads}u + group.x) * ${units}u + local] = ${packed(
    format,
    Array.from({ length: parts }, (_, part) => `total${part} * norm`),
  )};`,
  });
}
