import type { Tokens } from '../../../core/units.ts';
import type { TokenBatch } from '../../model-runner.ts';

/** A sequence of noise: positions that have KV, and tokens of the step. */
export interface NoiseRow {
  readonly computed: Tokens;
  readonly count: Tokens;
}

/** Longer than what is read at once, and prime to all that it is cut by. */
const PERIOD = 65_521;

export function blocksOf({ computed, count }: NoiseRow, blockSize: number): number {
  return Math.ceil((computed + count) / blockSize);
}

/** A batch of them, drawing nothing. Blocks are from 1 on, the later ones first; −1 where the window has passed. */
export function noiseRows(rows: readonly NoiseRow[], blockSize: number, window?: number): TokenBatch {
  const tableWidth = Math.max(...rows.map(row => blocksOf(row, blockSize)));
  const tables = new Int32Array(rows.length * tableWidth).fill(-1);
  const positions: number[] = [];
  const slots: number[] = [];
  const rowStarts = [0];
  let free = 1;
  for (const [i, row] of rows.entries()) {
    const { computed, count } = row;
    const own = blocksOf(row, blockSize);
    const passed = window === undefined ? 0 : Math.floor(Math.max(0, computed + 1 - window) / blockSize);
    for (let block = passed; block < own; block++) tables[i * tableWidth + block] = free + own - 1 - block;
    free += own;
    for (let position = computed; position < computed + count; position++) {
      const block = tables[i * tableWidth + Math.floor(position / blockSize)]!;
      positions.push(position);
      slots.push(block * blockSize + (position % blockSize));
    }
    rowStarts.push(positions.length);
  }
  return {
    copies: new Int32Array(0),
    tokens: new Int32Array(positions.length),
    positions: Int32Array.from(positions),
    slots: Int32Array.from(slots),
    rowStarts: Int32Array.from(rowStarts),
    contexts: Int32Array.from(rows, ({ computed, count }) => computed + count),
    tables,
    tableWidth,
    draws: [],
  };
}

/**
 * Bits of float16 between ½ and 2, of either sign.
 * @param louder of so many the second half are four times as large.
 */
export function noiseHalves(count: number, seed: number, louder?: number): Uint16Array<ArrayBuffer> {
  let state = seed;
  const pattern = Uint16Array.from({ length: PERIOD }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return ((state >>> 16) & 0x87ff) + 0x3800;
  });
  const values = new Uint16Array(count);
  for (let at = 0; at < count; at += PERIOD) values.set(pattern.subarray(0, count - at), at);
  // An exponent two higher.
  if (louder !== undefined)
    for (let i = 0; i < count; i++) if (i % louder >= louder / 2) values[i]! += 2 << 10;
  return values;
}
