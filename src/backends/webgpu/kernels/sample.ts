import { halvings } from './rms-norm.ts';
import { type Shader, shader } from './shader.ts';
import { BATCH_BINDING, ENTRY, STEP_BINDING, STEP_STRUCT } from './step-layout.ts';

/** Written where no logit is a number. */
export const NO_TOKEN = 0xffffffff;

/**
 * Greedy or by Gumbel-max: the largest logit, or logit / T + noise (see sampling/gumbel.ts, whose hash this is).
 * Of equals the lowest id. One workgroup a draw.
 */
export function sampleShader({ vocab, threads }: { vocab: number; threads: number }): Shader {
  return shader({
    name: `sample ${vocab}`,
    bindings: [
      STEP_BINDING,
      BATCH_BINDING,
      { name: 'logits', access: 'read', type: 'array<f32>' },
      { name: 'drawn', access: 'read_write', type: 'array<u32>' },
    ],
    declarations: `${STEP_STRUCT}
var<workgroup> scores: array<f32, ${threads}>;
var<workgroup> ids: array<u32, ${threads}>;
fn pcg(value: u32) -> u32 {
  let state = value * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}
// WGSL's log is only good to 2⁻²¹ next to 1, where the noises that decide come from: a series there.
fn gumbel(a: u32, b: u32, token: u32) -> f32 {
  let hash = pcg(pcg(token ^ a) ^ b);
  let v = (f32(hash >> 9u) + 0.5) * ${2 ** -23};
  var e = -log(1.0 - v);
  if (v < 0.25) {
    e = v * (1.0 + v * (0.5 + v * (${1 / 3} + v * (0.25 + v * (0.2 + v * (${1 / 6} + v * (${1 / 7} + v * (0.125 + v * ${1 / 9}))))))));
  }
  return -log(e);
}
fn better(score: f32, id: u32, than: f32, other: u32) -> bool {
  return score > than || (score == than && id < other);
}`,
    workgroupSize: threads,
    body: `
  let draw = step.at_draws + group.x * ${ENTRY.draw}u;
  let row = u32(batch[draw]) * ${vocab}u;
  let temperature = bitcast<f32>(batch[draw + 1u]);
  let a = bitcast<u32>(batch[draw + 2u]);
  let b = bitcast<u32>(batch[draw + 3u]);
  var best = -3.4e38;
  var id = ${NO_TOKEN}u;
  for (var j = 0u; j < ${Math.ceil(vocab / threads)}u; j++) {
    let token = j * ${threads}u + local;
    if (token < ${vocab}u) {
      var score = logits[row + token];
      if (temperature > 0.0) { score = score / temperature + gumbel(a, b, token); }
      if (score > best) { best = score; id = token; }
    }
  }
  scores[local] = best;
  ids[local] = id;
  workgroupBarrier();
${halvings(threads)
  .map(
    half => `  if (local < ${half}u && better(scores[local + ${half}u], ids[local + ${half}u], scores[local], ids[local])) {
    scores[local] = scores[local + ${half}u];
    ids[local] = ids[local + ${half}u];
  }
  workgroupBarrier();`,
  )
  .join('\n')}
  if (local == 0u) { drawn[group.x] = ids[0]; }`,
  });
}
