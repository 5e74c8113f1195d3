import type { Seconds } from '../../core/units.ts';
import { ridge } from '../cost/launch.ts';
import type { Gpu } from '../hardware/gpu.ts';
import type { GemmPrecision } from './kernel-tables.ts';

/** Time that a GPU's roofline gives a matrix product: what tables are stretched along where they end. */
export type GemmRoofline = (m: number, n: number, k: number) => Seconds;

/** Bytes of a weight and of an input; outputs are 16 bits. Scales are counted where they are not negligible. */
const bytesOf: Record<GemmPrecision, { readonly weight: number; readonly input: number }> = {
  bfloat16: { weight: 2, input: 2 },
  fp8: { weight: 1, input: 1 },
  fp8_block: { weight: 1, input: 1 },
  sq: { weight: 1, input: 1 },
  int8_wo: { weight: 1, input: 2 },
  int4_wo: { weight: 0.5 + 2 / 128, input: 2 },
  nvfp4: { weight: 0.5 + 1 / 16, input: 0.5 + 1 / 16 },
};

function peakOf({ flops }: Gpu, precision: GemmPrecision): number {
  const { fp16, fp8 = fp16, int8 = fp16 } = flops;
  if (precision === 'fp8' || precision === 'fp8_block') return fp8;
  if (precision === 'sq') return int8;
  // Tensor cores double their rate with each halving of the operands.
  return precision === 'nvfp4' ? 2 * fp8 : fp16;
}

export function gemmRoofline(gpu: Gpu, precision: GemmPrecision): GemmRoofline {
  const { gemm, gemmFp8 } = gpu.efficiency;
  const { floor, compute, memory, sharpness } = (precision === 'fp8' && gemmFp8) || gemm;
  const { weight, input } = bytesOf[precision];
  const flops = peakOf(gpu, precision) * compute;
  const bandwidth = gpu.bandwidth * memory;
  return (m, n, k) => {
    const arithmetic = (2 * m * n * k) / flops;
    const traffic = (n * k * weight + m * (k * input + 2 * n)) / bandwidth;
    return floor + ridge(arithmetic, traffic, sharpness);
  };
}
