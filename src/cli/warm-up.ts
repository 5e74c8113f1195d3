import type { ModelRunner, TokenBatch } from '../backends/model-runner.ts';
import type { Seconds, Tokens } from '../core/units.ts';
import { startClock } from '../engine/clock.ts';
import { completeParams } from '../engine/complete-params.ts';

/** What is compiled late, in the GPU's driver and in V8, has been by then. */
const LEAST: { readonly passes: number; readonly time: Seconds } = { passes: 2, time: 0.5 };

/** Runs a prefill and decodes of made-up rows, past the scheduler: no request, and no block of a prefix cache, knows. */
export async function warmUp(runner: ModelRunner, rows: number, promptTokens: Tokens): Promise<void> {
  const perRow = Math.ceil((promptTokens + 1) / runner.blockSize);
  const count = Math.max(1, Math.min(rows, Math.floor(runner.numBlocks / perRow)));
  const now = startClock();
  for (let pass = 0; pass < LEAST.passes || now() < LEAST.time; pass++) {
    await runner.run(batchOf(runner, count, 0, promptTokens));
    await runner.run(batchOf(runner, count, promptTokens, 1));
  }
}

/** Rows that each compute `length` tokens from `start` on, and draw one. */
function batchOf({ blockSize }: ModelRunner, rows: number, start: Tokens, length: Tokens): TokenBatch {
  const tableWidth = Math.ceil((start + length) / blockSize);
  const position = (t: number) => start + (t % length);
  const slot = (t: number) => Math.floor(t / length) * tableWidth * blockSize + position(t);
  const params = completeParams({ temperature: 0 });
  const numbers = (count: number, of: (i: number) => number) =>
    Int32Array.from({ length: count }, (_, i) => of(i));
  return {
    copies: new Int32Array(0),
    tokens: new Int32Array(rows * length),
    positions: numbers(rows * length, position),
    slots: numbers(rows * length, slot),
    rowStarts: numbers(rows + 1, row => row * length),
    contexts: numbers(rows, () => start + length),
    tables: numbers(rows * tableWidth, i => i),
    tableWidth,
    draws: Array.from({ length: rows }, (_, row) => ({
      row,
      params,
      seed: 0,
      step: 0,
      prompt: [],
      output: [],
      banned: [],
    })),
  };
}
