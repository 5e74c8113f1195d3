import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UsageError } from '../../../src/core/errors.ts';
import { acceptsText, generate } from './generate.ts';
import { isValid } from './validate-json.ts';

const name = fc.constantFrom('a', 'b', 'ab', 'na"me', 'é', 'long name', '__proto__');
const bounds = (low: string, high: string, most: number) =>
  fc.tuple(fc.option(fc.nat(most)), fc.option(fc.nat(most))).map(([min, more]) => ({
    ...(min !== null && { [low]: min }),
    ...(more !== null && { [high]: (min ?? 0) + more }),
  }));
const number = fc
  .tuple(
    fc.constantFrom('minimum', 'exclusiveMinimum'),
    fc.constantFrom('maximum', 'exclusiveMaximum'),
    fc.option(fc.integer({ min: -250, max: 250 })),
    fc.option(fc.integer({ min: 2, max: 3000 })),
  )
  .map(([low, high, from, span]) => ({
    ...(from !== null && { [low]: from }),
    ...(span !== null && { [high]: (from ?? 0) + span }),
  }));
const leaf: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(
    { type: 'null' },
    { type: 'boolean' },
    { type: 'integer' },
    { type: 'number' },
    { type: 'string' },
  ),
  bounds('minLength', 'maxLength', 6).map(lengths => ({ type: 'string', ...lengths })),
  fc
    .tuple(fc.constantFrom('^[a-c]+$', 'x', '^\\d{2}', '"$', '^[^a]*$', '^(aa|b)*$', '\\n'), fc.nat(4))
    .map(([pattern, extra]) => ({ type: 'string', pattern, maxLength: 4 + extra })),
  number.map(range => ({ type: 'integer', ...range })),
  number.map(range => ({ type: 'number', ...range })),
  fc.array(fc.jsonValue({ maxDepth: 1 }), { minLength: 1, maxLength: 3 }).map(values => ({ enum: values })),
  fc.jsonValue({ maxDepth: 1 }).map(value => ({ const: value })),
  fc.constantFrom(
    { type: ['string', 'null'] },
    { type: 'string', format: 'date' },
    { type: 'string', format: 'ipv4' },
  ),
);
const { schema } = fc.letrec<{ schema: unknown }>(tie => ({
  schema: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    leaf,
    fc
      .tuple(
        fc.dictionary(name, tie('schema'), { maxKeys: 4 }),
        fc.array(name, { maxLength: 2 }),
        fc.option(fc.oneof(fc.boolean(), leaf)),
      )
      .map(([properties, required, additional]) => ({
        type: 'object',
        properties,
        required,
        ...(additional !== null && { additionalProperties: additional }),
      })),
    fc.tuple(tie('schema'), bounds('minItems', 'maxItems', 3)).map(([items, counts]) => ({
      type: 'array',
      items,
      ...counts,
    })),
    fc.array(tie('schema'), { minLength: 1, maxLength: 3 }).map(anyOf => ({ anyOf })),
    fc.tuple(fc.array(tie('schema'), { minLength: 1, maxLength: 2 }), leaf).map(([prefixItems, items]) => ({
      type: 'array',
      prefixItems,
      items,
      maxItems: 4,
    })),
  ),
}));

test('outputs under a schema are JSON, and valid', () => {
  let [ended, refused] = [0, 0];
  fc.assert(
    fc.property(schema, fc.nat(1e6), (schema, seed) => {
      const structure = { type: 'json_schema', schema: JSON.stringify(schema) } as const;
      let output: ReturnType<typeof generate>;
      try {
        output = generate(structure, seed);
      } catch (error) {
        // Contradictions, which the checker would find no value for either.
        expect(error).toBeInstanceOf(UsageError);
        expect((error as Error).message).toMatch(/contradictory/);
        refused++;
        return;
      }
      expect(output.broken).toBeUndefined();
      if (!output.ended) return;
      ended++;
      const value = JSON.parse(output.text);
      expect([output.text, isValid(schema, value)]).toEqual([output.text, true]);
    }),
    { numRuns: 500 },
  );
  expect(ended).toBeGreaterThan(300);
  expect(refused).toBeLessThan(100);
});

test('a recursive schema: every output is a valid tree', () => {
  const schema = {
    $ref: '#/$defs/tree',
    $defs: {
      tree: {
        type: 'object',
        properties: {
          value: { type: 'integer', minimum: 0, maximum: 99 },
          children: { type: 'array', items: { $ref: '#/$defs/tree' }, maxItems: 2 },
        },
        required: ['value', 'children'],
        additionalProperties: false,
      },
    },
  };
  let deepest = 0;
  let ended = 0;
  for (let seed = 0; seed < 40; seed++) {
    const output = generate({ type: 'json_schema', schema: JSON.stringify(schema) }, seed, 2000);
    expect(output.broken).toBeUndefined();
    if (!output.ended) continue;
    ended++;
    expect(isValid(schema, JSON.parse(output.text))).toBe(true);
    deepest = Math.max(deepest, output.text.split('children').length - 1);
  }
  expect(ended).toBeGreaterThan(20);
  expect(deepest).toBeGreaterThan(1);
});

test('json_object: every output is an object', () => {
  let ended = 0;
  for (let seed = 0; seed < 60; seed++) {
    const output = generate({ type: 'json_object' }, seed);
    expect(output.broken).toBeUndefined();
    if (!output.ended) continue;
    ended++;
    expect(Object.prototype.toString.call(JSON.parse(output.text))).toBe('[object Object]');
  }
  expect(ended).toBeGreaterThan(30);
});

test.each([
  [{ type: 'object', properties: { a: { type: 'string' } } }, '{"a": "x"}', true],
  [{ type: 'object', properties: { a: { type: 'string' } } }, '{\n  "a": "x"\n}', true],
  [{ type: 'object', properties: { a: { type: 'string' } } }, '{"b":1}', false],
  [
    { type: 'object', properties: { a: {} }, additionalProperties: { type: 'integer' } },
    '{"b":1,"ab":2}',
    true,
  ],
  [
    { type: 'object', properties: { a: {} }, additionalProperties: { type: 'null' } },
    '{"b":null,"a":null}',
    false,
  ],
  [{ type: 'string' }, '"\\ud83d\\u0041"', false],
  [{ type: 'string', maxLength: 1 }, '"😀"', true],
  [{ type: 'string', maxLength: 1 }, '"\\n"', true],
  [{ type: 'integer', minimum: -3, maximum: 12 }, '-3', true],
  [{ type: 'integer', minimum: -3, maximum: 12 }, '-4', false],
  [{ type: 'integer', exclusiveMinimum: 0 }, '0', false],
  [{ type: 'number', minimum: 0, maximum: 1 }, '0.25', true],
  [{ type: 'number', exclusiveMinimum: 0, maximum: 1 }, '0.0', false],
  [{ type: 'number', exclusiveMinimum: 0, maximum: 1 }, '0.5', true],
  [{ minLength: 2 }, '"ab"', true],
  [{ allOf: [{ type: 'integer' }, { minimum: 5 }] }, '4', false],
  [{ type: 'object', properties: { a: { type: 'null' } }, anyOf: [{ required: ['a'] }] }, '{}', false],
])('%j takes %s: %s', (schema, text, expected) => {
  expect(acceptsText({ type: 'json_schema', schema: JSON.stringify(schema) }, text)).toBe(expected);
});

test('compact: no white space between tokens', () => {
  const schema = JSON.stringify({
    type: 'object',
    properties: { a: { type: 'array', items: { type: 'null' } } },
  });
  expect(acceptsText({ type: 'json_schema', schema, compact: true }, '{"a":[null,null]}')).toBe(true);
  expect(acceptsText({ type: 'json_schema', schema, compact: true }, '{"a": [null]}')).toBe(false);
});

test.each([
  ['{', /not JSON/],
  ['3', /a schema is expected/],
  ['{"not": {}}', /"not", which is not supported/],
  ['{"type":"array","uniqueItems":true}', /uniqueItems/],
  ['{"type":"strin"}', /there are null, boolean/],
  ['{"$ref":"other.json"}', /only its own parts/],
  ['{"$ref":"#/$defs/a"}', /which is not there/],
  [
    '{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}',
    /contradictory|always contains itself/,
  ],
  ['{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/a"}}}', /always contains itself/],
  ['{"enum":[]}', /a list of values/],
  ['{"type":"string","minLength":3,"maxLength":2}', /contradictory/],
  ['{"type":"string","pattern":"^a{5}$","maxLength":4}', /contradictory/],
  ['{"type":"integer","minimum":5,"maximum":4}', /contradictory/],
  ['{"anyOf":[{"type":"string"}],"type":"integer"}', /says "type" twice/],
  ['{"type":"string","minLength":-1}', /whole number from 0/],
  ['{"type":"string","pattern":"(?=a)"}', /lookahead/],
])('%s is refused with a reason', (schema, why) => {
  expect(() => generate({ type: 'json_schema', schema }, 1)).toThrow(UsageError);
  expect(() => generate({ type: 'json_schema', schema }, 1)).toThrow(why);
});
