import type { Draw, TokenBatch } from '../../../src/backends/model-runner.ts';
import type { SamplingParams } from '../../../src/core/sampling-params.ts';
import { completeParams } from '../../../src/engine/complete-params.ts';

export const GREEDY = completeParams({ temperature: 0 });

/** A sequence as tests have it: its text, and the blocks that are its own. */
export interface TestSequence {
  readonly tokens: number[];
  readonly blocks: readonly number[];
  /** Positions that have KV. */
  computed: number;
}

export interface TestRow {
  readonly sequence: TestSequence;
  readonly count: number;
  /** Absent: nothing is drawn. */
  readonly draw?: Partial<Omit<Draw, 'params'>> & { readonly params?: Partial<SamplingParams> };
}

/** The batch that computes the next `count` tokens of each row, and counts them as computed. */
export function batchOf(
  rows: readonly TestRow[],
  blockSize: number,
  copies: readonly number[] = [],
): TokenBatch {
  const tokens: number[] = [];
  const positions: number[] = [];
  const slots: number[] = [];
  const rowStarts = [0];
  const contexts: number[] = [];
  const draws: Draw[] = [];
  const tableWidth = Math.max(0, ...rows.map(({ sequence }) => sequence.blocks.length));
  const tables = new Int32Array(rows.length * tableWidth).fill(-1);
  for (const [row, { sequence, count, draw }] of rows.entries()) {
    for (let i = 0; i < count; i++) {
      const position = sequence.computed + i;
      tokens.push(sequence.tokens[position]!);
      positions.push(position);
      slots.push(sequence.blocks[Math.floor(position / blockSize)]! * blockSize + (position % blockSize));
    }
    sequence.computed += count;
    rowStarts.push(tokens.length);
    contexts.push(sequence.computed);
    tables.set(sequence.blocks, row * tableWidth);
    if (draw) {
      const { params, ...rest } = draw;
      draws.push({
        row,
        seed: 0,
        step: 0,
        prompt: [],
        output: [],
        banned: [],
        ...rest,
        params: { ...GREEDY, ...params },
      });
    }
  }
  return {
    copies: Int32Array.from(copies),
    tokens: Int32Array.from(tokens),
    positions: Int32Array.from(positions),
    slots: Int32Array.from(slots),
    rowStarts: Int32Array.from(rowStarts),
    contexts: Int32Array.from(contexts),
    tables,
    tableWidth,
    draws,
  };
}
