import { expect, test } from 'vitest';
import { UsageError } from '../../../src/core/errors.ts';
import type { Structure } from '../../../src/core/sampling-params.ts';
import { compileStructure } from '../../../src/engine/structured/structure-compiler.ts';
import { generateFrom, vocabulary } from './generate.ts';

/** Units: what compiling and the first tokens may take, and what each token may add. */
const AHEAD = 360_000;
const PER_TOKEN = 11_000;

const many = (count: number, of: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => of(i)).join('');
const schemaOf = (schema: unknown): Structure => ({ type: 'json_schema', schema: JSON.stringify(schema) });
const nested = (depth: number): unknown => (depth === 0 ? {} : { type: 'array', items: nested(depth - 1) });

const patterns = [
  '(a+)+$',
  '(a|a)*',
  '(a|aa)+b',
  '([a-z]+)*x',
  '(.*)*(.*)*x',
  '(a*)*(a*)*b',
  '[a-z]{1,99999}',
  '(a?){5000}a{5000}',
  '(a|aa){0,5000}',
  '(.|..){1,1000}',
  '(.?.?.?.?.?.?.?.?){1,100}',
  '(.*a.{20})',
  '(.*a.{200})',
  '((a{1,100}){1,100})',
  '((a|b)*c|(a|b|c)*d|.*e){1,300}',
  '([a-z]|[a-f]+|[b-z]{2}){1,30000}',
  '((x?){100}){100}y',
  '(.{0,50}){0,50}',
  many(2000, i => `(a${i}|`) + many(2000, () => ')'),
  'a?'.repeat(8000),
  many(1600, i => `(a${i % 10}|b)?`),
  `[${many(7000, i => String.fromCodePoint(0x4e00 + 2 * i))}]{1,5000}`,
];
const others: readonly (readonly [string, Structure])[] = [
  ['an enum of 4,000', schemaOf({ enum: Array.from({ length: 4000 }, (_, i) => `value ${i}`) })],
  [
    '500 optional properties',
    schemaOf({
      type: 'object',
      properties: Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`p${i}`, { type: 'string' }])),
      additionalProperties: true,
    }),
  ],
  [
    'strings with counts in counts',
    schemaOf({
      type: 'array',
      maxItems: 9999,
      items: { type: 'string', pattern: '(a|ab|b){1,90}', maxLength: 9999 },
    }),
  ],
  ['4,000 choices', { type: 'choice', choices: Array.from({ length: 4000 }, (_, i) => `${i}`) }],
  ['an ambiguous grammar', { type: 'grammar', grammar: 'root ::= "a" root? "a"? root? | "b"' }],
  [
    'choices of choices',
    { type: 'grammar', grammar: 'root ::= a a a a a a\na ::= ("x" | "xx" | b)*\nb ::= "x" root? "x"' },
  ],
  [
    'patterns that a text has to keep, far ahead',
    schemaOf({ type: 'string', pattern: '^(.{700}){1,100}$', minLength: 701, maxLength: 1390 }),
  ],
  ['a long sequence', { type: 'grammar', grammar: `root ::= ${'"a" '.repeat(16_000)}` }],
  ['a long sequence of nothing', { type: 'grammar', grammar: `root ::= ${'"a"? '.repeat(13_000)}` }],
  [
    'a long sequence that begins with itself in the end',
    { type: 'grammar', grammar: `root ::= ${'("a"|b) '.repeat(8000)}\nb ::= "b" root | "c"` },
  ],
  [
    'rules without end',
    {
      type: 'grammar',
      grammar: `${many(900, i => `r${i} ::= r${i + 1} "x" | "y"\n`)}r900 ::= "z"\nroot ::= r0`,
    },
  ],
];

test.each([
  ...patterns.map((pattern): [string, Structure] => [pattern.slice(0, 60), { type: 'regex', pattern }]),
  ...others,
])('%s: refused, ended or done, within what a request may take', (_, structure) => {
  let compiled: ReturnType<typeof compileStructure>;
  try {
    compiled = compileStructure(structure, vocabulary);
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return;
  }
  const tokens = 120;
  const output = generateFrom(compiled, 1, tokens);
  expect(compiled.exprs.work.done).toBeLessThan(AHEAD + PER_TOKEN * tokens);
  if (output.broken !== undefined) expect(output.broken).toMatch(/too much work/);
});

test.each<readonly [string, Structure, RegExp]>([
  ['counts', { type: 'regex', pattern: 'a{1,999999}' }, /more than 100000/],
  [
    'counts of counts',
    { type: 'regex', pattern: '((a{1,100}){1,100}){1,100}' },
    /1000000 times, more than 100000/,
  ],
  ['length', { type: 'regex', pattern: 'a'.repeat(20_000) }, /more than 16384/],
  ['depth', { type: 'regex', pattern: `${'('.repeat(5000)}a${')'.repeat(5000)}` }, /deeper than 100/],
  ['depth of a schema', schemaOf(nested(70)), /deeper than 64/],
  [
    'depth of values',
    { type: 'json_schema', schema: `{"const":${'['.repeat(9000)}${']'.repeat(9000)}}` },
    /deeper/,
  ],
  ['depth of JSON', { type: 'json_schema', schema: '{"anyOf":['.repeat(5000) }, /not JSON/],
  ['size of a schema', { type: 'json_schema', schema: ' '.repeat(70_000) }, /more than 65536/],
  ['values', schemaOf({ enum: Array.from({ length: 5000 }, (_, i) => i) }), /more than 4096/],
  [
    'properties',
    schemaOf({
      properties: Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`p${i}`, true])),
    }),
    /more than 512/,
  ],
  ...['minItems', 'maxItems', 'minLength', 'maxLength'].map((key): [string, Structure, RegExp] => [
    key,
    schemaOf({ type: 'object', properties: { a: { type: ['array', 'string'], [key]: 1_000_000_000 } } }),
    new RegExp(`1000000000 for ${key}, more than 100000`),
  ]),
  ['minItems without end', { type: 'json_schema', schema: '{"minItems":1e999}' }, /more than 100000/],
  ['choices', { type: 'choice', choices: Array.from({ length: 5000 }, () => 'x') }, /more than 4096/],
  ['no choice', { type: 'choice', choices: [] }, /nothing to choose/],
  ['rules', { type: 'grammar', grammar: many(1100, i => `r${i} ::= "x"\n`) }, /more than 1000 rules/],
  ['left recursion', { type: 'grammar', grammar: 'root ::= root "a" | "b"' }, /begins with itself/],
  [
    'hidden left recursion',
    { type: 'grammar', grammar: 'root ::= a root | "b"\na ::= "x"?' },
    /begins with itself/,
  ],
  ['no end', { type: 'grammar', grammar: 'root ::= "a" root' }, /always contains itself/],
])('%s beyond the limit: refused with a reason', (_, structure, why) => {
  expect(() => compileStructure(structure, vocabulary)).toThrow(UsageError);
  expect(() => compileStructure(structure, vocabulary)).toThrow(why);
});
