import type { GpuDevice } from '../../../src/backends/webgpu/device.ts';
import { Kernel } from '../../../src/backends/webgpu/kernel.ts';
import type { Shader } from '../../../src/backends/webgpu/kernels/shader.ts';
import { stepUniform } from '../../../src/backends/webgpu/kernels/step-layout.ts';
import { columnsOf, type LinearOp, ROW_PADDING } from '../../../src/backends/webgpu/linear/linear-op.ts';
import type { LinearVariant } from '../../../src/backends/webgpu/linear/linear-variant.ts';
import { naiveLinear, naiveSwiglu, noise, relativeError } from './naive.ts';
import { loaded, rounded, runKernels, stored } from './run-kernel.ts';

/** A layer of random numbers, and how far a variant's answer is from the plain sum in f64. */
export async function linearError(
  gpu: GpuDevice,
  variant: LinearVariant,
  op: LinearOp,
  rows: number,
  seed: number,
  compiled: (shader: Shader) => Promise<Kernel> = shader => Kernel.compile(gpu, shader),
): Promise<{
  readonly error: number;
  /** Rows past the last, whatever was in them, are as before. */
  readonly untouched: boolean;
}> {
  const { dtype, inputs, outputs, epilogue, bias } = op;
  const columns = columnsOf(op);
  const padded = Math.ceil(rows / ROW_PADDING) * ROW_PADDING;
  const x = rounded(dtype, noise(seed + 1, rows * inputs));
  const weights = rounded(dtype, noise(seed + 2, outputs * inputs));
  const biases = noise(seed + 3, outputs);
  const before = noise(seed + 4, padded * columns);
  const kept = epilogue === 'residual' || epilogue === 'logits' ? 'f32' : dtype;
  const garbage = new Float32Array(padded * inputs).fill(Number.NaN);
  garbage.set(x);
  const passes = variant.passes(op, gpu.traits);
  const buffers = {
    step: stepUniform({ [op.rows]: rows }),
    x: stored(dtype, garbage),
    weights: stored(dtype, weights),
    y: stored(kept, before),
    scratch: Math.max(16, ...passes.map(pass => pass.scratchBytes?.(rows) ?? 0)),
    ...(bias && { bias: biases }),
  };
  const runs = [];
  for (const pass of passes)
    runs.push({ kernel: await compiled(pass.shader), buffers, grid: pass.grid(rows) });
  const { y } = await runKernels(gpu, runs, ['y']);
  const product = naiveLinear(x, weights, rows, outputs, inputs, bias ? biases : undefined);
  const expected = epilogue === 'swiglu' ? naiveSwiglu(product) : product;
  if (epilogue === 'residual') for (let i = 0; i < expected.length; i++) expected[i]! += before[i]!;
  const actual = loaded(kept, y!, padded * columns);
  const untouchedRows = rounded(kept, before);
  let untouched = true;
  for (let i = rows * columns; i < padded * columns; i++) untouched &&= actual[i] === untouchedRows[i];
  return { error: relativeError(actual, expected), untouched };
}
