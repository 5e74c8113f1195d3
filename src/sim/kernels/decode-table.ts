import { nearestShape, rowsByShape, shapeKey } from './attention-shapes.ts';
import type { AttentionShape, KernelTime } from './kernel-tables.ts';
import { once } from './once.ts';
import { Plane } from './plane.ts';
import type { TableRows } from './table-rows.ts';

interface Measured {
  readonly shape: AttentionShape;
  /** Lines of one batch size over the KV length. */
  readonly plane: () => Plane;
}

/** A shape as it is read: from its own plane, or from the nearest with the same work. */
interface Source {
  readonly plane: Plane;
  readonly isOwn: boolean;
  readonly perBatch: number;
  readonly perKv: number;
  /** KV slots that are read at most. */
  readonly reach: number;
}

/** Decode attention, measured: batch × KV length for each shape. */
export class DecodeTable {
  readonly measured: readonly Measured[];
  readonly #byShape = new Map<number, Measured>();
  readonly #sources = new Map<number, Source | undefined>();
  #last: AttentionShape | undefined;
  #lastSource: Source | undefined;

  constructor(table: TableRows) {
    const [batch, isl, step, time] = ['batch_size', 'isl', 'step', 'latency'].map(
      name => table.numbers.get(name)!,
    );
    this.measured = rowsByShape(table).map(({ shape, rows }) => ({
      shape,
      plane: once(
        () =>
          new Plane(
            rows.map(i => [batch![i]!, isl![i]! + step![i]!, time![i]! * 1e-3]),
            'linear',
            kv => (shape.window > 0 ? Math.min(kv, shape.window) : kv),
          ),
      ),
    }));
    for (const own of this.measured) this.#byShape.set(shapeKey(own.shape), own);
  }

  read(batch: number, kv: number, shape: AttentionShape): KernelTime | undefined {
    if (shape !== this.#last) {
      this.#last = shape;
      this.#lastSource = this.#sourceOf(shape);
    }
    const source = this.#lastSource;
    return source && readSource(source, batch, kv);
  }

  /** What the other shapes say of a measured one. */
  without(own: Measured): (batch: number, kv: number) => KernelTime | undefined {
    const source = this.#borrowed(
      own.shape,
      this.measured.filter(other => other !== own),
    );
    return (batch, kv) => source && readSource(source, batch, kv);
  }

  #sourceOf(shape: AttentionShape): Source | undefined {
    const key = shapeKey(shape);
    if (this.#sources.has(key)) return this.#sources.get(key);
    const own = this.#byShape.get(key);
    const source: Source | undefined = own
      ? { plane: own.plane(), isOwn: true, perBatch: 1, perKv: 1, reach: Number.POSITIVE_INFINITY }
      : this.#borrowed(shape, this.measured);
    this.#sources.set(key, source);
    return source;
  }

  /** The same bytes: a KV head is as good as a sequence, a wider head as a longer one (or, in a window, as two). */
  #borrowed(shape: AttentionShape, others: readonly Measured[]): Source | undefined {
    const nearest = nearestShape(others, shape);
    if (!nearest) return undefined;
    const { kvHeads, headDim, window } = nearest.shape;
    const wider = shape.headDim / headDim;
    return {
      plane: nearest.plane(),
      isOwn: false,
      perBatch: (shape.kvHeads / kvHeads) * (window > 0 ? wider : 1),
      perKv: window > 0 ? 1 : wider,
      reach: shape.window || Number.POSITIVE_INFINITY,
    };
  }
}

function readSource({ plane, isOwn, perBatch, perKv, reach }: Source, batch: number, kv: number): KernelTime {
  const sequences = batch * perBatch;
  let seconds = plane.read(sequences, Math.min(kv, reach) * perKv);
  const largest = plane.at[plane.at.length - 1]!;
  if (sequences > largest) seconds *= sequences / largest;
  return { seconds, tier: isOwn ? plane.tier : 'extrapolated' };
}
