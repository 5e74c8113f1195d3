import { type Shader, shader } from './shader.ts';
import { BATCH_BINDING, STEP_BINDING, STEP_STRUCT } from './step-layout.ts';
import { type Dtype, formatOf, UNIT_FUNCTIONS, unpacked } from './storage.ts';

const THREADS = 64;

/**
 * Rows of the embedding table into the residual stream. One workgroup a token. Token −1 − d is what draw d of the
 * step before drew, which stays on the GPU.
 */
export function embedShader({
  dtype,
  hidden,
  vocab,
}: {
  dtype: Dtype;
  hidden: number;
  vocab: number;
}): Shader {
  const format = formatOf(dtype);
  const units = hidden / format.width;
  return shader({
    name: `embed ${dtype} ${vocab} × ${hidden}`,
    bindings: [
      STEP_BINDING,
      BATCH_BINDING,
      { name: 'embedding', access: 'read', type: `array<${format.type}>` },
      { name: 'drawn', access: 'read', type: 'array<u32>' },
      { name: 'hidden', access: 'read_write', type: 'array<vec4<f32>>' },
    ],
    declarations: `${STEP_STRUCT}${UNIT_FUNCTIONS}`,
    workgroupSize: THREADS,
    body: `
  let token = batch[group.x];
  var id = u32(token);
  // Where nothing could be drawn there is no token; the step that drew it says so when it is read.
  if (token < 0) { id = min(drawn[u32(-1 - token)], ${vocab - 1}u); }
  let begin = id * ${units}u;
  let to = group.x * ${units * format.parts}u;
  for (var j = 0u; j < ${Math.ceil(units / THREADS)}u; j++) {
    let u = j * ${THREADS}u + local;
    if (u < ${units}u) {
      let unit = embedding[begin + u];
      ${unpacked(format, 'unit')
        .map((value, part) => `hidden[to + u * ${format.parts}u + ${part}u] = ${value};`)
        .join('\n')}
    }
  }`,
  });
}
