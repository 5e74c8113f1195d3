import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readConfig } from '../../../src/backends/model/load.ts';
import { openSafetensors } from '../../../src/backends/model/safetensors.ts';
import { ReferenceRunner } from '../../../src/backends/reference/runner.ts';
import { drawOf, type HandRow, handBatch } from '../../support/hand-batch.ts';

const fixtures = join(import.meta.dirname, '../fixtures');

/** Random models of each architecture, and the logits that Hugging Face Transformers computes of them in f64. */
const architectures = ['llama', 'llama-rope-scaling', 'mistral', 'qwen2', 'qwen3'];

async function open(name: string, blockSize: number) {
  const folder = join(fixtures, name);
  const config = await readConfig(folder, ['config.json']);
  const weights = await openSafetensors([join(folder, 'model.safetensors')]);
  const runner = await ReferenceRunner.create(config, weights, { blockSize, numBlocks: 64 });
  await weights.close();
  const { inputIds, logits } = JSON.parse(readFileSync(join(folder, 'logits.json'), 'utf8')) as {
    inputIds: number[];
    logits: number[][];
  };
  return { runner, config, inputIds, logits };
}

/** Largest difference, relative to the largest logit of the position. */
function error(found: Float32Array, expected: readonly number[]): number {
  const scale = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((logit, i) => Math.abs(found[i]! - logit) / scale));
}

test.each(architectures)('%s: the logits of every position are those of Transformers', async name => {
  const { runner, config, inputIds, logits } = await open(name, 16);
  const batch = handBatch([{ tokens: inputIds, start: 0, table: [3, 7] }], 16);
  const found = runner.forward(batch, [...inputIds.keys()]);
  for (const [position, expected] of logits.entries()) {
    const row = found.subarray(position * config.vocab, (position + 1) * config.vocab);
    expect(error(row, expected)).toBeLessThan(1e-5);
  }
});

/** How a text is cut into passes: lengths of the chunks. */
const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 24, maxLength: 24 });

test.each(architectures)('%s: chunks, blocks and neighbours change no bit', async name => {
  const whole = await open(name, 16);
  const { inputIds, config } = whole;
  const all = whole.runner.forward(handBatch([{ tokens: inputIds, start: 0, table: [0, 1] }], 16), [
    ...inputIds.keys(),
  ]);
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(1, 2, 4, 8, 32),
      fc.shuffledSubarray([...Array(64).keys()], { minLength: 64, maxLength: 64 }),
      cuts,
      cuts,
      async (blockSize, blocks, first, second) => {
        const { runner } = await open(name, blockSize);
        const width = Math.ceil(24 / blockSize);
        const texts = [first, second].map((chunks, i) => ({
          chunks: [...chunks],
          start: 0,
          table: blocks.slice(i * width, (i + 1) * width),
        }));
        while (texts.some(({ start }) => start < 24)) {
          const rows: HandRow[] = [];
          for (const text of texts) {
            if (text.start >= 24) continue;
            const tokens = inputIds.slice(text.start, text.start + text.chunks.shift()!);
            // What lies wholly behind the window may be anybody's by now.
            const behind = Math.floor(Math.max(0, text.start - (config.slidingWindow ?? 99) + 1) / blockSize);
            const table = text.table.map((block, i) => (i < behind ? -1 : block));
            rows.push({ tokens, start: text.start, table, draws: [drawOf(0)] });
            text.start += tokens.length;
          }
          const batch = handBatch(rows, blockSize);
          const found = runner.forward(batch, [...batch.tokens.keys()]);
          for (const [t, position] of batch.positions.entries()) {
            const expected = all.subarray(position * config.vocab, (position + 1) * config.vocab);
            expect(found.subarray(t * config.vocab, (t + 1) * config.vocab)).toEqual(expected);
          }
        }
      },
    ),
    { numRuns: 12 },
  );
});

test('copied blocks hold what their source held', async () => {
  const { runner, inputIds, config } = await open('llama', 4);
  const prefix = { tokens: inputIds.slice(0, 6), start: 0, table: [5, 9] };
  const next = (table: number[]) => ({ tokens: inputIds.slice(6, 7), start: 6, table });
  runner.forward(handBatch([prefix], 4), [5]);
  const batch = handBatch([next([5, 9]), next([5, 2])], 4, [9, 2]);
  const logits = runner.forward(batch, [0, 1]);
  expect(logits.subarray(0, config.vocab)).toEqual(logits.subarray(config.vocab));
});

test('a row that attends to a block it does not have is a bug, and is told', async () => {
  const { runner } = await open('llama', 4);
  const batch = handBatch([{ tokens: [3], start: 5, table: [-1, 2] }], 4);
  expect(() => runner.forward(batch, [0])).toThrow(
    'row 0 attends to position 0, which its table does not have',
  );
});
