import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encode } from '../../src/server/encode.ts';
import { tokenizer } from './serving.ts';

const word = fc.oneof(
  fc.constantFrom(
    'Once',
    'upon',
    ' a',
    '  time',
    '\n',
    '\n\n',
    '\t',
    ', ',
    '。',
    '中文',
    '，好',
    '!',
    '12',
    "don't",
    '<s>',
    'é',
  ),
  fc.string({ unit: 'grapheme', maxLength: 6 }),
);

test('a long text in pieces has the tokens of the whole, with and without special ones', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(word, { minLength: 1, maxLength: 40 }),
      fc.boolean(),
      async (words, special) => {
        // Three pieces, and some more.
        const text = words.join(' ').repeat(Math.ceil(26_000 / (words.join(' ').length + 1)));
        const whole = tokenizer.encode(text, { addSpecialTokens: special });
        expect(await encode(tokenizer, text, special)).toEqual(whole);
      },
    ),
    { numRuns: 40 },
  );
});

test('others have their turn while a long text is encoded', async () => {
  const text = 'Once upon a time there was a fox. '.repeat(20_000);
  let turns = 0;
  let done = false;
  const turn = () => {
    turns++;
    if (!done) setImmediate(turn);
  };
  setImmediate(turn);
  await encode(tokenizer, text, true);
  done = true;
  expect(turns).toBeGreaterThan(text.length / 20_000);
});
