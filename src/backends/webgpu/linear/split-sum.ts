import { type Shader, shader, unroll } from '../kernels/shader.ts';
import { STEP_BINDING, STEP_STRUCT } from '../kernels/step-layout.ts';
import type { LinearOp } from './linear-op.ts';
import { paddedRows } from './matrix-gemm.ts';
import { storeWide, WIDE_FUNCTIONS, WIDE_OUTPUTS, wideBindings } from './wide-epilogue.ts';

const THREADS = 64;

/** Workgroups that a row takes. */
export function splitSumGroups(op: LinearOp): number {
  return Math.ceil(op.outputs / WIDE_OUTPUTS[op.epilogue] / THREADS);
}

/**
 * Adds up what `matrixGemmShader` left in parts, [part][row][output], and stores it as the layer wants it.
 * @param tileRows whose multiple of rows each part has.
 * Grid: `splitSumGroups`, rows.
 */
export function splitSumShader(op: LinearOp, tileRows: number, split: number): Shader {
  const outputs = WIDE_OUTPUTS[op.epilogue];
  const quads = outputs / 4;
  const items = op.outputs / outputs;
  const part = (p: number, q: number) => `scratch[at + ${p}u * apart + ${q}u]`;
  const sum = (q: number) => Array.from({ length: split }, (_, p) => part(p, q)).join(' + ');
  return shader({
    name: `split-sum ${op.name} ${op.outputs} ${op.epilogue}${op.bias ? ' bias' : ''} rows of ${tileRows} parts ${split}`,
    bindings: [
      STEP_BINDING,
      { name: 'scratch', access: 'read', type: 'array<vec4<f32>>' },
      ...wideBindings(op),
    ],
    declarations: `${STEP_STRUCT}${WIDE_FUNCTIONS}`,
    workgroupSize: THREADS,
    body: `
  let item = group.x * ${THREADS}u + local;
  let row = group.y;
  if (item >= ${items}u || row >= step.${op.rows}) { return; }
  let output = item * ${outputs}u;
  let apart = ${paddedRows(op, tileRows)} * ${op.outputs / 4}u;
  let at = row * ${op.outputs / 4}u + item * ${quads}u;
${unroll(quads, q => `  let quad${q} = ${sum(q)};`)}
  ${storeWide(
    op,
    'row',
    'output',
    Array.from({ length: quads }, (_, q) => `quad${q}`),
  )}`,
  });
}
