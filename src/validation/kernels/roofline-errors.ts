import { readCurve } from '../../sim/cost/cost-model.ts';
import type { Gpu } from '../../sim/hardware/gpu.ts';
import type { DecodeTable } from '../../sim/kernels/decode-table.ts';
import { gemmRoofline } from '../../sim/kernels/gemm-roofline.ts';
import type { GemmTable } from '../../sim/kernels/gemm-table.ts';
import type { Plane } from '../../sim/kernels/plane.ts';
import type { PrefillTable } from '../../sim/kernels/prefill-table.ts';

/** Shapes of the layers of a language model, and steps as an engine makes them: what a roofline is fitted to. */
const SMALLEST_SIDE = 1024;
const MOST_ROWS = 8192;

/** Relative errors without sign of what is used where there is no table. */
export function gemmRooflineErrors(table: GemmTable, gpu: Gpu): number[] {
  const roofline = gemmRoofline(gpu, table.precision);
  return table.curves
    .filter(({ n, k }) => n >= SMALLEST_SIDE && k >= SMALLEST_SIDE)
    .flatMap(curve =>
      Array.from(curve.rows, (m, i) => relative(roofline(m, curve.n, curve.k), curve.measured(i))).filter(
        (_, i) => curve.rows[i]! <= MOST_ROWS,
      ),
    );
}

export function prefillRooflineErrors(table: PrefillTable, gpu: Gpu): number[] {
  const { floor, mfu } = gpu.efficiency.prefillAttention;
  return table.measured
    .filter(({ shape }) => shape.window === 0 && shape.kv === 'fp16')
    .flatMap(({ shape, grid }) =>
      points(grid().planes[0]!, (isl, batch) => {
        const flops = 2 * batch * isl * (isl + 1) * shape.heads * shape.headDim;
        return floor + flops / (gpu.flops.fp16 * readCurve(mfu, isl));
      }),
    );
}

export function decodeRooflineErrors(table: DecodeTable, gpu: Gpu): number[] {
  const { floor, memory } = gpu.efficiency.decodeAttention;
  return table.measured
    .filter(({ shape }) => shape.window === 0 && shape.kv === 'fp16')
    .flatMap(({ shape, plane }) =>
      points(plane(), (batch, kv) => {
        const bytes = 4 * batch * kv * shape.kvHeads * shape.headDim;
        return floor + bytes / (gpu.bandwidth * memory);
      }),
    );
}

function points(plane: Plane, predict: (line: number, x: number) => number): number[] {
  return Array.from(plane.at, (at, line) => {
    const { x, seconds } = plane.line(line);
    return Array.from(x, (value, i) => relative(predict(at, value), seconds[i]!));
  }).flat();
}

const relative = (predicted: number, measured: number) => Math.abs(predicted / measured - 1);
