import { expect, test } from 'vitest';
import type { Structure } from '../../../src/core/sampling-params.ts';
import { Endings } from '../../../src/engine/structured/endings.ts';
import { leastLength } from '../../../src/engine/structured/least-length.ts';
import { compileStructure } from '../../../src/engine/structured/structure-compiler.ts';
import { StructureState } from '../../../src/engine/structured/structure-state.ts';
import { accepts, END, vocabulary } from './generate.ts';

const schemaOf = (schema: unknown): Structure => ({ type: 'json_schema', schema: JSON.stringify(schema) });
const tree = {
  $defs: {
    node: { type: 'object', properties: { sons: { type: 'array', items: { $ref: '#/$defs/node' } } } },
  },
  properties: { root: { $ref: '#/$defs/node' } },
  required: ['root'],
};

test.each<readonly [Structure, string]>([
  [{ type: 'regex', pattern: '[b-z]{3}(yes|no)?x+' }, 'bbbx'],
  [{ type: 'choice', choices: ['perhaps', 'no', 'yes'] }, 'no'],
  [{ type: 'json_object' }, '{}'],
  [schemaOf({ type: 'object', properties: { age: { type: 'integer' } }, required: ['age'] }), '{"age":1}'],
  [schemaOf({ type: 'array', items: { enum: ['blue', 'red'] }, minItems: 2 }), '["red","red"]'],
  [schemaOf(tree), '{"root":{}}'],
  [{ type: 'grammar', grammar: 'root ::= "(" root ")" | other\nother ::= "a" root | "zzz"' }, 'zzz'],
])('%j ends soonest as %s', endsSoonest);

test('a sequence may be long', () => {
  const many = 'd'.repeat(16_000);
  endsSoonest({ type: 'regex', pattern: `(ab|c)${many}` }, `c${many}`);
});

function endsSoonest(structure: Structure, text: string): void {
  const { exprs, start } = compileStructure(structure, vocabulary);
  expect(leastLength(start, new Map())).toBe(text.length);
  const bytes = new Endings().of(start, 20_000);
  expect(Buffer.from(bytes).toString()).toBe(text);
  expect(accepts(exprs, start, text)).toBe(true);
}

test.each<readonly [string, Structure]>([
  ['a pattern of which a text has to be long', schemaOf({ type: 'string', pattern: 'ab+c', minLength: 9 })],
  ['a key that is not another', schemaOf({ properties: { '': true }, additionalProperties: true })],
  ['a tree', schemaOf(tree)],
  ['counts', { type: 'regex', pattern: '(a{1,90}b){3,50}' }],
])('%s: from wherever an output is, it comes to its end in a hurry', (_, structure) => {
  const compiled = compileStructure(structure, vocabulary);
  for (let start = 0; start < 30; start++) {
    const state = new StructureState(compiled, [END]);
    for (let i = 0; i < start && !state.over; i++) {
      const others = Array.from({ length: END }, (_, id) => id).filter(
        id => ((state.allowed[id >>> 5]! >>> (id & 31)) & 1) === 1,
      );
      state.push(others[(start * 31 + i * 17) % others.length]!);
    }
    let tokens = 0;
    for (let next = state.hurried; !state.complete && next !== undefined; next = state.hurried) {
      state.push(next);
      expect(state.broken).toBeUndefined();
      if (++tokens > 300) break;
    }
    expect(state.complete).toBe(true);
  }
});
