import { expect, test } from 'vitest';
import { ReferenceRunner } from '../../../src/backends/reference/runner.ts';
import { handBatch } from '../../support/hand-batch.ts';
import { openStories } from '../../support/stories.ts';

const stories = openStories();
const { greedy_token_ids: golden, prompt_token_ids: prompt } = stories.golden;
const BLOCK = 16;
const shuffled = (first: number) => Array.from({ length: 16 }, (_, i) => first + ((i * 7 + 3) % 16));

function open(numBlocks = 40): Promise<ReferenceRunner> {
  return ReferenceRunner.create(stories.config, stories.weights, { blockSize: BLOCK, numBlocks });
}

/** Tokens that follow `text`, one a step, of two sequences side by side whose blocks are shuffled. */
async function decode(
  runner: ReferenceRunner,
  texts: number[][],
  tables: number[][],
  steps: number,
): Promise<void> {
  for (let step = 0; step < steps; step++) {
    const rows = texts.map((text, i) => ({
      tokens: [text.at(-1)!],
      start: text.length - 1,
      table: tables[i]!,
    }));
    const drawn = await runner.run(handBatch(rows, BLOCK));
    for (const [i, { token }] of drawn.entries()) texts[i]!.push(token);
  }
}

test('the first logits are those of the trained model', async () => {
  const runner = await open();
  const batch = handBatch([{ tokens: prompt, start: 0, table: [5] }], BLOCK);
  const logits = runner.forward(batch, [0]);
  const expected = stories.golden.first_step_logits;
  for (let i = 0; i < expected.length; i++) expect(logits[i]).toBeCloseTo(expected[i]!, 4);
});

test('the whole greedy text, token for token, in shuffled blocks', async () => {
  const runner = await open();
  const texts = [[...prompt]];
  await decode(runner, texts, [shuffled(20)], golden.length);
  expect(texts[0]!.slice(prompt.length)).toEqual(golden);
});

test('prefilled whole or in chunks, alone or beside another, the text goes on the same', async () => {
  const known = [...prompt, ...golden.slice(0, 90)];
  for (const chunks of [[known.length], [1, 30, 17, known.length - 48]]) {
    const runner = await open();
    const [a, b] = [shuffled(0), shuffled(16)];
    let start = 0;
    let last: readonly { token: number }[] = [];
    for (const [i, count] of chunks.entries()) {
      const tokens = known.slice(start, start + count);
      const other = { tokens: [known[i]!], start: i, table: b };
      last = await runner.run(handBatch([{ tokens, start, table: a }, other], BLOCK));
      start += count;
    }
    const first = [...known, last[0]!.token];
    const second = known.slice(0, chunks.length + 1);
    await decode(runner, [first, second], [a, b], 60);
    expect(first.slice(prompt.length)).toEqual(golden.slice(0, 151));
    expect(second.slice(prompt.length)).toEqual(golden.slice(0, second.length - 1));
  }
});
