import { UsageError } from '../../core/errors.ts';
import type { Seconds, Tokens } from '../../core/units.ts';
import { nearestShape, rowsByShape, shapeKey } from './attention-shapes.ts';
import { lastNotAbove } from './axis.ts';
import type { AttentionShape, KernelTime, Tier } from './kernel-tables.ts';
import { once } from './once.ts';
import { Plane, type PlanePoint } from './plane.ts';
import type { TableRows } from './table-rows.ts';

interface Measured {
  readonly shape: AttentionShape;
  readonly grid: () => Grid;
}

interface Grid {
  /** Tokens before the prompt, ascending, from 0; most tables have that one only. */
  readonly pasts: readonly Tokens[];
  /** For each of them lines of one prompt length over the batch. */
  readonly planes: readonly Plane[];
}

/** A shape as it is read: from its own grid, or from the nearest with the same work. */
interface Source extends Grid {
  readonly shape: AttentionShape;
  readonly wanted: AttentionShape;
  readonly isOwn: boolean;
  readonly perBatch: number;
}

/** Queries that one multiprocessor takes at a time. */
const TILE = 128;

/** Prefill attention, measured: batch × prompt length for each shape. */
export class PrefillTable {
  readonly measured: readonly Measured[];
  readonly #byShape = new Map<number, Measured>();
  readonly #sources = new Map<number, Source | undefined>();
  readonly #multiprocessors: number;
  #last: AttentionShape | undefined;
  #lastSource: Source | undefined;

  /**
   * Shapes that were measured behind other tokens only are left to those like them, for a chunk is read from whole
   * prompts.
   *
   * @throws UsageError when that is every shape.
   */
  constructor(table: TableRows, multiprocessors: number) {
    this.#multiprocessors = multiprocessors;
    const step = table.numbers.get('step')!;
    this.measured = rowsByShape(table)
      .filter(({ rows }) => rows.some(i => step[i] === 0))
      .map(({ shape, rows }) => ({ shape, grid: once(() => gridOf(table, rows)) }));
    if (this.measured.length === 0) {
      throw new UsageError(
        `${table.path}: no rows of prompts from their start (step 0), from which the later chunks are read; ` +
          'expected a table of context attention',
      );
    }
    for (const own of this.measured) this.#byShape.set(shapeKey(own.shape), own);
  }

  read(batch: number, chunk: Tokens, past: Tokens, shape: AttentionShape): KernelTime | undefined {
    if (shape !== this.#last) {
      this.#last = shape;
      this.#lastSource = this.#sourceOf(shape);
    }
    const source = this.#lastSource;
    return source && this.#readSource(source, batch, chunk, past);
  }

  /** What the other shapes say of a measured one. */
  without(own: Measured): (batch: number, chunk: Tokens) => KernelTime | undefined {
    const source = borrowed(
      own.shape,
      this.measured.filter(other => other !== own),
    );
    return (batch, chunk) => source && this.#readSource(source, batch, chunk, 0);
  }

  #sourceOf(shape: AttentionShape): Source | undefined {
    const key = shapeKey(shape);
    if (this.#sources.has(key)) return this.#sources.get(key);
    const own = this.#byShape.get(key);
    const source = own
      ? { ...own.grid(), shape, wanted: shape, isOwn: true, perBatch: 1 }
      : borrowed(shape, this.measured);
    this.#sources.set(key, source);
    return source;
  }

  #readSource(source: Source, batch: number, chunk: Tokens, past: Tokens): KernelTime {
    const { pasts, planes, isOwn, perBatch, shape, wanted } = source;
    const prompts = batch * perBatch;
    const lower = lastNotAbove(pasts, past);
    const exact = pasts[lower] === past;
    let seconds: Seconds;
    let tier: Tier;
    if (exact || lower < pasts.length - 1) {
      seconds = readPlane(planes[lower]!, prompts, chunk, pasts[lower]!, shape.window);
      tier = planes[lower]!.tier;
      if (!exact) {
        const [from, to] = [pasts[lower]!, pasts[lower + 1]!];
        const upper = readPlane(planes[lower + 1]!, prompts, chunk, to, shape.window);
        seconds += (upper - seconds) * ((past - from) / (to - from));
        tier = tier === 'extrapolated' || planes[lower + 1]!.tier === tier ? tier : 'interpolated';
        if (tier === 'measured') tier = 'interpolated';
      }
    } else {
      seconds = this.#afterPast(source, prompts, chunk, past);
      tier = 'extrapolated';
    }
    if (isOwn) return { seconds, tier };
    if (wanted.window !== shape.window) {
      seconds *= pairs(chunk, past, wanted.window) / pairs(chunk, past, 0);
    }
    return { seconds, tier: 'extrapolated' };
  }

  /**
   * A chunk has its share of the pairs of the whole prompt at that prompt's speed, as AIConfigurator takes
   * it. A short one fills only some of the multiprocessors, and the others wait.
   */
  #afterPast({ planes, shape }: Source, prompts: number, chunk: Tokens, past: Tokens): Seconds {
    const whole = chunk + past;
    const { heads, window } = shape;
    const busy = (tokens: Tokens) =>
      Math.min(1, (prompts * heads * Math.ceil(tokens / TILE)) / this.#multiprocessors);
    const share = pairs(chunk, past, window) / pairs(whole, 0, window);
    const shared = readPlane(planes[0]!, prompts, whole, 0, window) * share * (busy(whole) / busy(chunk));
    return Math.max(shared, readPlane(planes[0]!, prompts, chunk, 0, window));
  }
}

function gridOf(table: TableRows, rows: readonly number[]): Grid {
  const [batch, isl, step, time] = ['batch_size', 'isl', 'step', 'latency'].map(
    name => table.numbers.get(name)!,
  );
  const byPast = new Map<number, PlanePoint[]>();
  for (const i of rows) {
    const point: PlanePoint = [isl![i]!, batch![i]!, time![i]! * 1e-3];
    const own = byPast.get(step![i]!);
    if (own) own.push(point);
    else byPast.set(step![i]!, [point]);
  }
  const pasts = [...byPast.keys()].sort((a, b) => a - b);
  return { pasts, planes: pasts.map(past => new Plane(byPast.get(past)!, 'parabola')) };
}

/** Beyond the longest prompt time grows with the pairs; it is the speed that holds. */
function readPlane(plane: Plane, prompts: number, chunk: Tokens, past: Tokens, window: Tokens): Seconds {
  const seconds = plane.read(chunk, prompts);
  const longest = plane.at[plane.at.length - 1]!;
  return chunk <= longest ? seconds : (seconds * pairs(chunk, past, window)) / pairs(longest, past, window);
}

/** The same arithmetic: a head is as good as a prompt, a wider one as two. */
function borrowed(wanted: AttentionShape, others: readonly Measured[]): Source | undefined {
  const nearest = nearestShape(others, wanted);
  if (!nearest) return undefined;
  const { heads, headDim } = nearest.shape;
  const perBatch = (wanted.heads * wanted.headDim) / (heads * headDim);
  return { ...nearest.grid(), shape: nearest.shape, wanted, isOwn: false, perBatch };
}

/** Queries times the keys that they see: token i of the chunk sees past + i + 1, or the window. */
function pairs(chunk: Tokens, past: Tokens, window: Tokens): number {
  if (window === 0 || past + chunk <= window) return chunk * (past + (chunk + 1) / 2);
  const growing = Math.max(0, window - past);
  return growing * (past + (growing + 1) / 2) + (chunk - growing) * window;
}
