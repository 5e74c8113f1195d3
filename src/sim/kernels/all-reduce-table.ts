import type { Bytes } from '../../core/units.ts';
import { lastNotAbove, meanByFirst } from './axis.ts';
import type { KernelTime } from './kernel-tables.ts';
import type { TableRows } from './table-rows.ts';

/** The tables count elements of 16 bits. */
const ELEMENT: Bytes = 2;

interface Curve {
  readonly bytes: Float64Array;
  readonly seconds: Float64Array;
}

/** All-reduce by message size, for each number of GPUs, replayed from a graph and launched eagerly. */
export class AllReduceTable {
  readonly #curves = new Map<number, Curve>();

  /**
   * @param own the engine's kernels, `graph` and `eager` apart (a table without backends holds for both)
   * @param nccl the library, for the graph of what the engine's table lacks: it launches as cheaply
   */
  constructor(own: TableRows | undefined, nccl: TableRows | undefined) {
    if (nccl) {
      const [op, dtype] = [nccl.texts.get('op')!, nccl.texts.get('dtype')!];
      this.#add(
        nccl,
        true,
        i => op.values[op.codes[i]!] === 'all_reduce' && dtype.values[dtype.codes[i]!] === 'half',
      );
    }
    if (!own) return;
    const { codes, values } = own.texts.get('backend')!;
    this.#add(own, true, i => !values[codes[i]!]!.includes('eager'));
    this.#add(own, false, i => !values[codes[i]!]!.includes('graph'));
  }

  /** Every curve: GPUs, whether of a graph, bytes, seconds. */
  *curves(): Generator<{ gpus: number; graph: boolean } & Curve> {
    for (const [key, curve] of this.#curves) yield { gpus: key >> 1, graph: (key & 1) === 1, ...curve };
  }

  /** Linear in bytes between measured sizes; below the least it holds, beyond the largest the bandwidth does. */
  read(bytes: Bytes, gpus: number, graph: boolean): KernelTime | undefined {
    const curve = this.#curves.get(gpus * 2 + (graph ? 1 : 0));
    if (!curve) return undefined;
    const { bytes: axis, seconds } = curve;
    const at = lastNotAbove(axis, bytes);
    if (at < 0) return { seconds: seconds[0]!, tier: 'extrapolated' };
    const found = axis[at]!;
    if (found === bytes) return { seconds: seconds[at]!, tier: 'measured' };
    if (at === axis.length - 1) return { seconds: (seconds[at]! * bytes) / found, tier: 'extrapolated' };
    const weight = (bytes - found) / (axis[at + 1]! - found);
    return { seconds: seconds[at]! + (seconds[at + 1]! - seconds[at]!) * weight, tier: 'interpolated' };
  }

  #add(table: TableRows, graph: boolean, isWanted: (row: number) => boolean): void {
    const [gpus, size, time] = ['num_gpus', 'message_size', 'latency'].map(name => table.numbers.get(name)!);
    const groups = new Map<number, [number, number][]>();
    for (let i = 0; i < table.length; i++) {
      if (!isWanted(i)) continue;
      const point: [number, number] = [size![i]! * ELEMENT, time![i]! * 1e-3];
      const group = groups.get(gpus![i]!);
      if (group) group.push(point);
      else groups.set(gpus![i]!, [point]);
    }
    for (const [count, points] of groups) {
      const merged = meanByFirst(points);
      this.#curves.set(count * 2 + (graph ? 1 : 0), {
        bytes: Float64Array.from(merged, point => point[0]),
        seconds: Float64Array.from(merged, point => point[1]),
      });
    }
  }
}
