import { type Shader, shader } from './shader.ts';
import { BATCH_BINDING, STEP_BINDING, STEP_STRUCT } from './step-layout.ts';
import { type Dtype, formatOf, UNIT_FUNCTIONS, unpacked } from './storage.ts';

const THREADS = 64;

/** Rows of the embedding table into the residual stream. One workgroup a token. */
export function embedShader({ dtype, hidden }: { dtype: Dtype; hidden: number }): Shader {
  const format = formatOf(dtype);
  const units = hidden / format.width;
  return shader({
    name: `embed ${dtype} ${hidden}`,
    bindings: [
      STEP_BINDING,
      BATCH_BINDING,
      { name: 'embedding', access: 'read', type: `array<${format.type}>` },
      { name: 'hidden', access: 'read_write', type: 'array<vec4<f32>>' },
    ],
    declarations: `${STEP_STRUCT}${UNIT_FUNCTIONS}`,
    workgroupSize: THREADS,
    body: `
  let begin = u32(batch[group.x]) * ${units}u;
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
