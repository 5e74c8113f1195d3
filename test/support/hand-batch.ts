import type { Draw, TokenBatch } from '../../src/backends/model-runner.ts';
import type { SamplingParams } from '../../src/core/sampling-params.ts';
import { completeParams } from '../../src/engine/complete-params.ts';

export const greedy = completeParams({ temperature: 0 });

export function drawOf(
  row: number,
  changes: Partial<Omit<Draw, 'params'>> = {},
  params: Partial<SamplingParams> = {},
): Draw {
  return {
    row,
    params: { ...greedy, ...params },
    seed: 0,
    step: 0,
    prompt: [],
    output: [],
    banned: [],
    ...changes,
  };
}

/** One row by hand: these tokens, from position `start` on, of a sequence whose blocks these are. */
export interface HandRow {
  readonly tokens: readonly number[];
  readonly start: number;
  readonly table: readonly number[];
  /** Default: one greedy draw. */
  readonly draws?: readonly Omit<Draw, 'row'>[];
}

export function handBatch(
  rows: readonly HandRow[],
  blockSize: number,
  copies: readonly number[] = [],
): TokenBatch {
  const positions = rows.flatMap(({ tokens, start }) => tokens.map((_, i) => start + i));
  const tableWidth = Math.max(...rows.map(row => row.table.length));
  const rowStarts = [0];
  for (const { tokens } of rows) rowStarts.push(rowStarts.at(-1)! + tokens.length);
  const slot = (table: readonly number[], position: number) =>
    table[Math.floor(position / blockSize)]! * blockSize + (position % blockSize);
  return {
    copies: Int32Array.from(copies),
    tokens: Int32Array.from(rows.flatMap(row => row.tokens)),
    positions: Int32Array.from(positions),
    slots: Int32Array.from(rows.flatMap(row => row.tokens.map((_, i) => slot(row.table, row.start + i)))),
    rowStarts: Int32Array.from(rowStarts),
    contexts: Int32Array.from(rows.map(row => row.start + row.tokens.length)),
    tables: Int32Array.from(
      rows.flatMap(({ table }) => [...table, ...Array<number>(tableWidth - table.length).fill(-1)]),
    ),
    tableWidth,
    draws: rows.flatMap((row, i) => (row.draws ?? [drawOf(i)]).map(draw => ({ ...draw, row: i }))),
  };
}
