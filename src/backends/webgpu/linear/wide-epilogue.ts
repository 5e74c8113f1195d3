import type { Binding } from '../kernels/shader.ts';
import { columnsOf, type Epilogue, type LinearOp } from './linear-op.ts';

/** Sums of neighbouring outputs that make one 16-byte store, with weights and activations in f16. */
export const WIDE_OUTPUTS: Readonly<Record<Epilogue, 4 | 8 | 16>> = {
  activation: 8,
  swiglu: 16,
  residual: 4,
  logits: 4,
};

/** Y and the bias as `storeWide` sees them: 16 bytes at a time. */
export function wideBindings(op: LinearOp): readonly Binding[] {
  const halves = op.epilogue === 'activation' || op.epilogue === 'swiglu';
  return [
    { name: 'y', access: 'read_write', type: halves ? 'array<vec4<u32>>' : 'array<vec4<f32>>' },
    ...(op.bias ? [{ name: 'bias', access: 'read' as const, type: 'array<vec4<f32>>' }] : []),
  ];
}

/** WGSL functions that `storeWide` calls. */
export const WIDE_FUNCTIONS = `
fn packed_quad(v: vec4<f32>) -> vec2<u32> { return vec2<u32>(pack2x16float(v.xy), pack2x16float(v.zw)); }
fn gated(v: vec4<f32>) -> vec2<f32> { return v.xz / (1.0 + exp(-v.xz)) * v.yw; }`;

/**
 * Statements that store the sums of `WIDE_OUTPUTS` neighbouring outputs of one row, from `output` on.
 * @param quads WGSL names of vec4<f32>, four sums each.
 */
export function storeWide(op: LinearOp, row: string, output: string, quads: readonly string[]): string {
  const sums = quads.map((quad, i) => (op.bias ? `(${quad} + bias[${output} / 4u + ${i}u])` : quad));
  const column = op.epilogue === 'swiglu' ? `${output} / 2u` : output;
  const at = `${row} * ${columnsOf(op)}u + ${column}`;
  switch (op.epilogue) {
    case 'residual':
      return `y[(${at}) / 4u] += ${sums[0]};`;
    case 'logits':
      return `y[(${at}) / 4u] = ${sums[0]};`;
    case 'activation':
      return `y[(${at}) / 8u] = vec4<u32>(packed_quad(${sums[0]}), packed_quad(${sums[1]}));`;
    case 'swiglu': {
      const pair = (i: number) => `packed_quad(vec4<f32>(gated(${sums[i]}), gated(${sums[i + 1]})))`;
      return `y[(${at}) / 8u] = vec4<u32>(${pair(0)}, ${pair(2)});`;
    }
  }
}
