import {
  decodeShader,
  prefillShader,
  tokensPerPrefill,
} from '../../src/backends/webgpu/attention/attention-kernels.ts';
import type { GpuDevice } from '../../src/backends/webgpu/device.ts';
import type { Epilogue, LinearOp } from '../../src/backends/webgpu/linear/linear-op.ts';
import { LINEAR_VARIANTS } from '../../src/backends/webgpu/linear/linear-variants.ts';
import { attentionError } from '../backends/webgpu/attention-error.ts';
import { linearError } from '../backends/webgpu/linear-error.ts';
import { kernelCache } from '../backends/webgpu/run-kernel.ts';

/** f16 has 11 bits; activations are rounded once, probabilities once more. */
const TOLERANCE = 2e-3;

export interface Check {
  readonly kernel: string;
  readonly error: number;
  readonly right: boolean;
}

/** Every f16 kernel that the device can run against sums in f64: all epilogues, rows that fill no tile. */
export async function checkKernels(gpu: GpuDevice): Promise<readonly Check[]> {
  const checks: Check[] = [];
  const compiled = kernelCache(async () => gpu);
  const bias: Record<Epilogue, boolean> = { activation: true, residual: false, swiglu: false, logits: false };
  const cases = LINEAR_VARIANTS.flatMap(variant =>
    (Object.keys(bias) as Epilogue[]).flatMap(epilogue => {
      const op: LinearOp = {
        name: 'qkv',
        dtype: 'f16',
        inputs: 576,
        outputs: 256,
        epilogue,
        bias: bias[epilogue],
        rows: 'tokens',
      };
      const most = Math.max(variant.minRows, Math.min(variant.maxRows, 141));
      const rows = [...new Set([variant.minRows, most])];
      return variant.supports(op, gpu.traits) ? rows.map(count => ({ variant, op, rows: count })) : [];
    }),
  );
  // At once: a driver compiles several on the CPU's cores.
  const shaders = cases.flatMap(({ variant, op }) => variant.passes(op, gpu.traits));
  await Promise.all(shaders.map(({ shader }) => compiled(shader)));
  for (const { variant, op, rows } of cases) {
    const { error, untouched } = await linearError(gpu, variant, op, rows, rows, compiled);
    const kernel = `${variant.name} ${op.epilogue} rows ${rows}`;
    checks.push({ kernel, error, right: error < TOLERANCE && untouched });
  }
  const kinds = {
    decode: [
      { computed: 0, count: 1 },
      { computed: 777, count: 1 },
    ],
    prefill: [
      { computed: 0, count: 150 },
      { computed: 530, count: 33 },
    ],
  };
  for (const heads of [
    { heads: 2, kvHeads: 2, headDim: 128 },
    { heads: 8, kvHeads: 2, headDim: 128 },
    { heads: 7, kvHeads: 1, headDim: 64, window: 200 },
  ]) {
    const shape = { dtype: 'f16', blockSize: 16, ...heads } as const;
    const decode = decodeShader(shape, gpu.traits);
    const prefill = prefillShader(shape, gpu.traits);
    const tokensPerItem = tokensPerPrefill(shape, gpu.traits);
    const kernels = { shape, decode, prefill, tokensPerItem };
    for (const [kind, rows] of Object.entries(kinds)) {
      const { error } = await attentionError(gpu, kernels, rows, 5);
      const { name } = kind === 'decode' ? decode : prefill;
      checks.push({ kernel: name, error, right: error < TOLERANCE });
    }
  }
  return checks;
}
