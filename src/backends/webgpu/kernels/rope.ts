import { type Shader, shader, unroll } from './shader.ts';
import { BATCH_BINDING, STEP_BINDING, STEP_STRUCT } from './step-layout.ts';
import { type Dtype, formatOf, packedPair, unpackedPair } from './storage.ts';

export interface RopeOptions {
  readonly dtype: Dtype;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly blockSize: number;
  /** RMSNorm on each query and key head before the rotation (Qwen3); its epsilon. */
  readonly qkNormEps?: number | undefined;
}

const THREADS = 64;

/** Heads that one workgroup rotates. */
export function ropeHeads(headDim: number): number {
  return Math.floor(THREADS / (headDim / 4));
}

/**
 * Norms and rotates query and key heads, and stores keys and values to their slots. A thread has two neighbours
 * of the head's first half and their partners of the second, as Hugging Face pairs them.
 * Grid: workgroups over the heads of Q, K and V; tokens.
 */
export function ropeShader(options: RopeOptions): Shader {
  const { dtype, heads, kvHeads, headDim, blockSize, qkNormEps } = options;
  const format = formatOf(dtype);
  const total = heads + 2 * kvHeads;
  const threads = headDim / 4;
  const perGroup = ropeHeads(headDim);
  const norm = qkNormEps !== undefined;
  const pairs = `array<${format.pair}>`;
  return shader({
    name: `rope ${dtype} ${heads}/${kvHeads}x${headDim} block ${blockSize}${norm ? ' qk-norm' : ''}`,
    bindings: [
      STEP_BINDING,
      BATCH_BINDING,
      { name: 'qkv', access: 'read', type: pairs },
      { name: 'angles', access: 'read', type: 'array<vec4<f32>>' },
      { name: 'queries', access: 'read_write', type: pairs },
      { name: 'keys', access: 'read_write', type: pairs },
      { name: 'values', access: 'read_write', type: pairs },
      ...(norm ? [{ name: 'norms', access: 'read' as const, type: 'array<vec2<f32>>' }] : []),
    ],
    declarations: `${STEP_STRUCT}${norm ? `\nvar<workgroup> sums: array<f32, ${THREADS}>;` : ''}`,
    workgroupSize: THREADS,
    body: `
  let token = group.y;
  let place = local / ${threads}u;
  let j = local % ${threads}u;
  let head = group.x * ${perGroup}u + place;
  let mine = place < ${perGroup}u && head < ${total}u;
  let begin = (token * ${total}u + min(head, ${total - 1}u)) * ${headDim / 2}u + j;
  var a = ${unpackedPair(format, 'qkv[begin]')};
  var b = ${unpackedPair(format, `qkv[begin + ${threads}u]`)};
${norm ? qkNorm(options, threads, perGroup) : ''}
  if (!mine) { return; }
  if (head < ${heads + kvHeads}u) {
    let angle = angles[u32(batch[step.at_positions + token]) * ${threads}u + j];
    let turned = a * angle.xz - b * angle.yw;
    b = b * angle.xz + a * angle.yw;
    a = turned;
  }
  if (head < ${heads}u) {
    let to = (token * ${heads}u + head) * ${headDim / 2}u + j;
    queries[to] = ${packedPair(format, 'a')};
    queries[to + ${threads}u] = ${packedPair(format, 'b')};
    return;
  }
  let slot = u32(batch[step.at_slots + token]);
  let kv_head = (head - ${heads}u) % ${kvHeads}u;
  let block = slot / ${blockSize}u;
  let to = ((block * ${kvHeads}u + kv_head) * ${blockSize}u + slot % ${blockSize}u) * ${headDim / 2}u + j;
  if (head < ${heads + kvHeads}u) {
    keys[to] = ${packedPair(format, 'a')};
    keys[to + ${threads}u] = ${packedPair(format, 'b')};
  } else {
    values[to] = ${packedPair(format, 'a')};
    values[to + ${threads}u] = ${packedPair(format, 'b')};
  }`,
  });
}

/** Weights of queries first, then of keys; values stay as they are. */
function qkNorm(options: RopeOptions, threads: number, perGroup: number): string {
  const { heads, kvHeads, headDim, qkNormEps } = options;
  return `
  sums[local] = dot(a, a) + dot(b, b);
  workgroupBarrier();
  let first = min(place, ${perGroup - 1}u) * ${threads}u;
  var sum = 0.0;
${unroll(threads, i => `  sum += sums[first + ${i}u];`)}
  if (head < ${heads + kvHeads}u) {
    let scale = inverseSqrt(sum / ${headDim}.0 + ${qkNormEps});
    let weight = select(0u, ${headDim / 2}u, head >= ${heads}u) + j;
    a *= scale * norms[weight];
    b *= scale * norms[weight + ${threads}u];
  }`;
}
