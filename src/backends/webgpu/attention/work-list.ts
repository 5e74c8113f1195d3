import type { TokenBatch } from '../../model-runner.ts';
import { type AttentionShape, groupsPerItem } from './attention-shape.ts';

/** Positions of a tile, which a split is a multiple of. */
export const TILE = 128;

/** Work of one step's attention, in the words of `ENTRY`. */
export interface WorkList {
  readonly decodes: readonly number[];
  readonly prefills: readonly number[];
  readonly merges: readonly number[];
}

/**
 * Plans attention as FlashInfer does: items of about equal length rather than a grid as long as the longest
 * sequence. A range is split where otherwise too few workgroups would run to fill the GPU.
 */
export class AttentionPlanner {
  readonly #shape: AttentionShape;
  readonly #tokens: number;
  /** Items that fill the GPU. */
  readonly #wanted: number;

  /**
   * @param tokens of a sequence that one item of a prefill has.
   * @param workgroups that keep the GPU busy: a few for each of its multiprocessors.
   */
  constructor(shape: AttentionShape, tokens: number, workgroups: number) {
    this.#shape = shape;
    this.#tokens = tokens;
    this.#wanted = Math.max(1, Math.floor(workgroups / groupsPerItem(shape)));
  }

  /** Tokens with partial results that a step has at most: each kind splits to twice the items wanted at most. */
  get maxPartials(): number {
    return 2 * this.#wanted * (1 + this.#tokens);
  }

  plan(batch: TokenBatch): WorkList {
    const list = { decodes: [] as number[], prefills: [] as number[], merges: [] as number[] };
    const decodes: Range[] = [];
    const prefills: Range[] = [];
    const rows = batch.rowStarts.length - 1;
    for (let row = 0; row < rows; row++) {
      const [from, to] = [batch.rowStarts[row]!, batch.rowStarts[row + 1]!];
      if (to - from === 1) decodes.push(this.#range(batch, row, from, 1));
      else {
        for (let first = from; first < to; first += this.#tokens) {
          prefills.push(this.#range(batch, row, first, Math.min(this.#tokens, to - first)));
        }
      }
    }
    const partials = this.#split(decodes, list.decodes, list.merges, 0);
    this.#split(prefills, list.prefills, list.merges, partials);
    return list;
  }

  /** The positions that these tokens see: up to the last one's own, from the first one's window on. */
  #range(batch: TokenBatch, row: number, first: number, count: number): Range {
    const end = batch.positions[first + count - 1]! + 1;
    const { window } = this.#shape;
    const start = window === undefined ? 0 : Math.max(0, batch.positions[first]! + 1 - window);
    return { row, first, count, start, end };
  }

  /** @returns the first partial result that is still free. */
  #split(ranges: readonly Range[], items: number[], merges: number[], free: number): number {
    let total = 0;
    for (const { start, end } of ranges) total += end - start;
    const length = Math.max(2, Math.ceil(total / this.#wanted / TILE)) * TILE;
    let partial = free;
    for (const { row, first, count, start, end } of ranges) {
      const parts = Math.ceil((end - start) / length);
      if (parts <= 1) {
        items.push(row, first, count, start, end, -1);
        continue;
      }
      for (let i = 0; i < count; i++) merges.push(first + i, parts, partial + i, count);
      for (let i = 0; i < parts; i++) {
        items.push(row, first, count, start + i * length, Math.min(end, start + (i + 1) * length), partial);
        partial += count;
      }
    }
    return partial;
  }
}

interface Range {
  readonly row: number;
  readonly first: number;
  readonly count: number;
  readonly start: number;
  readonly end: number;
}
