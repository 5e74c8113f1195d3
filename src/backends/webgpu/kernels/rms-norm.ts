import { type Shader, shader } from './shader.ts';
import { BATCH_BINDING, STEP_BINDING, STEP_STRUCT } from './step-layout.ts';
import { type Dtype, formatOf, packed, UNIT_FUNCTIONS } from './storage.ts';

export interface RmsNormOptions {
  readonly dtype: Dtype;
  readonly hidden: number;
  readonly eps: number;
  /** Only the tokens whose logits are wanted, gathered. */
  readonly gather: boolean;
  readonly threads: number;
}

/** Root-mean-square norm of the residual stream, times its weights. One workgroup a token. */
export function rmsNormShader(options: RmsNormOptions): Shader {
  const { dtype, hidden, eps, gather, threads } = options;
  const format = formatOf(dtype);
  const units = hidden / format.width;
  const quads = hidden / 4;
  const normed = (part: number) =>
    `hidden[begin + u * ${format.parts}u + ${part}u] * scale * weights[u * ${format.parts}u + ${part}u]`;
  return shader({
    name: `rms-norm ${dtype} ${hidden}${gather ? ' gather' : ''}`,
    bindings: [
      STEP_BINDING,
      BATCH_BINDING,
      { name: 'hidden', access: 'read', type: 'array<vec4<f32>>' },
      { name: 'weights', access: 'read', type: 'array<vec4<f32>>' },
      { name: 'normed', access: 'read_write', type: `array<${format.type}>` },
    ],
    declarations: `${STEP_STRUCT}${UNIT_FUNCTIONS}\nvar<workgroup> sums: array<f32, ${threads}>;`,
    workgroupSize: threads,
    body: `
  let token = ${gather ? 'u32(batch[step.at_outputs + group.x])' : 'group.x'};
  let begin = token * ${quads}u;
  var sum = 0.0;
  for (var j = 0u; j < ${Math.ceil(quads / threads)}u; j++) {
    let i = j * ${threads}u + local;
    if (i < ${quads}u) { let x = hidden[begin + i]; sum += dot(x, x); }
  }
  sums[local] = sum;
  workgroupBarrier();
${halvings(threads)
  .map(half => `  if (local < ${half}u) { sums[local] += sums[local + ${half}u]; }\n  workgroupBarrier();`)
  .join('\n')}
  let scale = inverseSqrt(sums[0] / ${hidden}.0 + ${eps});
  for (var j = 0u; j < ${Math.ceil(units / threads)}u; j++) {
    let u = j * ${threads}u + local;
    if (u < ${units}u) {
      normed[group.x * ${units}u + u] = ${packed(
        format,
        Array.from({ length: format.parts }, (_, part) => normed(part)),
      )};
    }
  }`,
  });
}

/** Strides of a tree reduction over a power of two: half of it, a quarter … 1. */
export function halvings(count: number): number[] {
  const strides: number[] = [];
  for (let stride = count / 2; stride >= 1; stride /= 2) strides.push(stride);
  return strides;
}
