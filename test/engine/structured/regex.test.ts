import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UsageError } from '../../../src/core/errors.ts';
import { compileStructure } from '../../../src/engine/structured/structure-compiler.ts';
import { accepts, acceptsText, generate, vocabulary } from './generate.ts';

const atom = fc.constantFrom(
  'a',
  'b',
  '1',
  ' ',
  'é',
  '😀',
  '.',
  '\\d',
  '\\w',
  '\\s',
  '\\S',
  '[ab]',
  '[^a]',
  '[a-f0-9]',
  '[^\\d\\s]',
  '\\.',
  '\\x41',
  '\\u{1F600}',
  '[é-ü]',
  '\\n',
  '[\\w-]',
  '[-a]',
);
const { pattern } = fc.letrec<{ pattern: string; term: string }>(tie => ({
  pattern: fc
    .array(
      fc.array(tie('term'), { maxLength: 3 }).map(terms => terms.join('')),
      { minLength: 1, maxLength: 3 },
    )
    .map(ways => ways.join('|')),
  term: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    atom,
    fc
      .tuple(
        fc.oneof(
          atom,
          tie('pattern').map(inner => `(${inner})`),
          tie('pattern').map(inner => `(?:${inner})`),
        ),
        fc.constantFrom('*', '+', '?', '{2}', '{1,3}', '{2,}', '*?'),
      )
      .map(parts => parts.join('')),
    tie('pattern').map(inner => `(${inner})`),
  ),
}));
const text = fc.string({
  unit: fc.constantFrom('a', 'b', 'c', '1', ' ', '\n', 'é', '😀', 'A', '.', '-'),
  maxLength: 7,
});

test('outputs under a regular expression match it in JavaScript, and end', () => {
  let ended = 0;
  fc.assert(
    fc.property(pattern, fc.nat(1e6), (pattern, seed) => {
      const output = generate({ type: 'regex', pattern }, seed, 200);
      expect(output.broken).toBeUndefined();
      if (!output.ended) return;
      ended++;
      expect(output.text).toMatch(new RegExp(`^(?:${pattern})$`, 'u'));
    }),
    { numRuns: 300 },
  );
  expect(ended).toBeGreaterThan(100);
});

test('takes the texts that JavaScript takes, and no others', () => {
  let [taken, refused] = [0, 0];
  fc.assert(
    fc.property(pattern, fc.array(text, { minLength: 5, maxLength: 5 }), (pattern, texts) => {
      const regex = new RegExp(`^(?:${pattern})$`, 'u');
      const { exprs, start } = compileStructure({ type: 'regex', pattern }, vocabulary);
      for (const text of ['', 'a', 'ab', ...texts]) {
        const matches = regex.test(text);
        if (matches) taken++;
        else refused++;
        expect([text, accepts(exprs, start, text)]).toEqual([text, matches]);
      }
    }),
    { numRuns: 400 },
  );
  expect(taken).toBeGreaterThan(200);
  expect(refused).toBeGreaterThan(200);
});

test.each([
  ['^ab$', 'ab', true],
  ['^a|b$', 'b', true],
  ['a{3,}', 'aa', false],
  ['[^]', 'x', true],
  ['\\cJ', '\n', true],
  ['[\\b]', '\b', true],
  ['(?<year>\\d{4})-(?<month>\\d\\d)', '2026-11', true],
  ['', '', true],
  ['', 'a', false],
])('%s takes %j: %s', (pattern, text, expected) => {
  expect(acceptsText({ type: 'regex', pattern }, text)).toBe(expected);
});

test.each([
  ['(?=a)b', /lookahead/],
  ['(?<!a)b', /lookbehind/],
  ['(a)\\1', /backreferences/],
  ['\\bword', /word boundaries/],
  ['\\p{L}', /property escapes/],
  ['(a', /not closed/],
  ['a)', /not expected/],
  ['*a', /nothing to repeat/],
  ['a**', /quantifier follows/],
  ['[b-a]', /out of order/],
  ['[a', /ends too early/],
  ['a{2,1}', /n ≤ m/],
  ['a^b', /beginning or the end/],
  ['\\q', /not an escape/],
  ['[^\\s\\S]', /contradictory/],
  ['a\\', /ends too early/],
])('%s is refused with a reason', (pattern, why) => {
  expect(() => generate({ type: 'regex', pattern }, 1)).toThrow(UsageError);
  expect(() => generate({ type: 'regex', pattern }, 1)).toThrow(why);
});
