import type { Binding } from '../kernels/shader.ts';
import { formatOf } from '../kernels/storage.ts';
import { columnsOf, type LinearOp } from './linear-op.ts';

/** How Y is bound: scalars, or pairs of f16. */
export function outputBindings(op: LinearOp): readonly Binding[] {
  const packs = storesPairs(op);
  return [
    { name: 'y', access: 'read_write', type: packs ? 'array<u32>' : 'array<f32>' },
    ...(op.bias ? [{ name: 'bias', access: 'read' as const, type: 'array<f32>' }] : []),
  ];
}

function storesPairs(op: LinearOp): boolean {
  return (op.epilogue === 'activation' || op.epilogue === 'swiglu') && formatOf(op.dtype).dtype === 'f16';
}

/** Rows of W that one invocation must have sums of, at least, to store them. */
export function outputsAtOnce(op: LinearOp): 1 | 2 | 4 {
  const pair = op.epilogue === 'swiglu' ? 2 : 1;
  return (storesPairs(op) ? 2 * pair : pair) as 1 | 2 | 4;
}

/** WGSL functions that `storeRow` calls. */
export const EPILOGUE_FUNCTIONS = `
fn silu(x: f32) -> f32 { return x / (1.0 + exp(-x)); }`;

/**
 * Statements that store neighbouring sums of one row. `values` are WGSL expressions, as many as a multiple of
 * `outputsAtOnce`, for the rows of W from `output` on, itself such a multiple.
 * @param checked whether outputs may lie past the last one.
 */
export function storeRow(
  op: LinearOp,
  row: string,
  output: string,
  values: readonly string[],
  checked: boolean,
): string {
  const step = outputsAtOnce(op);
  const lines: string[] = [];
  for (let i = 0; i < values.length; i += step) {
    const store = storeGroup(op, row, `(${output} + ${i}u)`, values.slice(i, i + step));
    lines.push(checked ? `if (${output} + ${i}u < ${op.outputs}u) { ${store} }` : store);
  }
  return lines.join('\n');
}

function storeGroup(op: LinearOp, row: string, output: string, sums: readonly string[]): string {
  const biased = sums.map((sum, i) => (op.bias ? `(${sum} + bias[${output} + ${i}u])` : sum));
  const columns = columnsOf(op);
  const swiglu = op.epilogue === 'swiglu';
  const values = swiglu ? products(biased) : biased;
  const column = swiglu ? `${output} / 2u` : output;
  const at = `(${row}) * ${columns}u + ${column}`;
  if (values.length === 2) return `y[(${at}) / 2u] = pack2x16float(vec2<f32>(${values.join(', ')}));`;
  return `y[${at}] ${op.epilogue === 'residual' ? '+=' : '='} ${values[0]};`;
}

function products(sums: readonly string[]): string[] {
  const values: string[] = [];
  for (let i = 0; i < sums.length; i += 2) values.push(`silu(${sums[i]}) * ${sums[i + 1]}`);
  return values;
}
