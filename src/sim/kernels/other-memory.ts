import type { Bytes, Seconds, Tokens } from '../../core/units.ts';
import type { Gpu } from '../hardware/gpu.ts';
import { gemmRoofline } from './gemm-roofline.ts';
import type { AttentionShape, GemmPrecision, KernelTables, KernelTime } from './kernel-tables.ts';

/**
 * Tables of a GPU read for one with the same chip and another memory: what the roofline says that memory
 * costs is added to every time that depends on it.
 */
export class OtherMemory implements KernelTables {
  readonly source: string;
  readonly #tables: KernelTables;
  readonly #measured: Gpu;
  readonly #gpu: Gpu;

  constructor(tables: KernelTables, measured: Gpu, gpu: Gpu) {
    this.source = `${tables.source}, of ${measured.name} and corrected for the memory of ${gpu.name}`;
    this.#tables = tables;
    this.#measured = measured;
    this.#gpu = gpu;
  }

  gemm(m: number, n: number, k: number, precision: GemmPrecision): KernelTime | undefined {
    const time = (gpu: Gpu) => gemmRoofline(gpu, precision)(m, n, k);
    return later(this.#tables.gemm(m, n, k, precision), time(this.#gpu) - time(this.#measured));
  }

  /** Bound by arithmetic. */
  prefillAttention(
    batch: number,
    chunk: Tokens,
    past: Tokens,
    shape: AttentionShape,
  ): KernelTime | undefined {
    return this.#tables.prefillAttention(batch, chunk, past, shape);
  }

  decodeAttention(batch: number, kv: number, shape: AttentionShape): KernelTime | undefined {
    const slots = batch * (shape.window > 0 ? Math.min(kv, shape.window) : kv);
    const bytes: Bytes = slots * shape.kvHeads * shape.headDim * 2 * (shape.kv === 'fp8' ? 1 : 2);
    const time = ({ bandwidth, efficiency }: Gpu): Seconds =>
      bytes / (bandwidth * efficiency.decodeAttention.memory);
    return later(this.#tables.decodeAttention(batch, kv, shape), time(this.#gpu) - time(this.#measured));
  }

  allReduce(bytes: Bytes, gpus: number, graph: boolean): KernelTime | undefined {
    return this.#tables.allReduce(bytes, gpus, graph);
  }
}

function later(time: KernelTime | undefined, delay: Seconds): KernelTime | undefined {
  return time && { seconds: time.seconds + delay, tier: 'extrapolated' };
}
