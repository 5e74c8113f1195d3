import { expect, test } from 'vitest';
import { acceptsText, generate } from './generate.ts';

const arithmetic = `
# sums
root ::= expr
expr ::= term (("+" | "-") term)*   # of terms
term ::= [0-9]{1,3} | "(" expr ")" | "\\u00e9" | "\\"" [^a-z\\]]
`;

test.each([
  ['1+2', true],
  ['(1-22)+333', true],
  ['((7))', true],
  ['4444', false],
  ['(1', false],
  ['é+"]', false],
  ['é+"A', true],
  ['"a', false],
])('the grammar takes %s: %s', (text, expected) => {
  expect(acceptsText({ type: 'grammar', grammar: arithmetic }, text)).toBe(expected);
});

test('outputs of a grammar are balanced', () => {
  let ended = 0;
  for (let seed = 0; seed < 40; seed++) {
    const output = generate({ type: 'grammar', grammar: 'root ::= "[" root? "]" root? | "x"' }, seed);
    expect(output.broken).toBeUndefined();
    if (!output.ended) continue;
    ended++;
    let depth = 0;
    for (const sign of output.text) {
      depth += sign === '[' ? 1 : sign === ']' ? -1 : 0;
      expect(depth).toBeGreaterThanOrEqual(0);
    }
    expect(depth).toBe(0);
  }
  expect(ended).toBeGreaterThan(20);
});

test.each([
  ['root = "a"', /no part of EBNF/],
  ['root ::= "a" )', /is expected/],
  ['root ::= ("a"', /not closed/],
  ['root ::= other', /does not have/],
  ['a ::= "b"', /no rule "root"/],
  ['root ::= "a"\nroot ::= "b"', /twice/],
  ['root ::= [z-a]', /out of order/],
  ['root ::= "a"{3,2}', /n ≤ m/],
  ['', /no rule "root"/],
])('%j is refused with a reason', (grammar, why) => {
  expect(() => generate({ type: 'grammar', grammar }, 1)).toThrow(why);
});

test('a choice gives one of the choices, each at times', () => {
  const choices = ['positive', 'negative', 'neutral', 'néant', 'posit'];
  const found = new Set<string>();
  for (let seed = 0; seed < 200; seed++) {
    const { text, ended } = generate({ type: 'choice', choices }, seed);
    expect(ended).toBe(true);
    found.add(text);
  }
  expect([...found].sort()).toEqual(choices.toSorted());
});
