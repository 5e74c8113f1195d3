import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Structure } from '../../../src/core/sampling-params.ts';
import { derive } from '../../../src/engine/structured/derive.ts';
import type { Expr } from '../../../src/engine/structured/expr.ts';
import {
  type CompiledStructure,
  compileStructure,
} from '../../../src/engine/structured/structure-compiler.ts';
import { StructureState } from '../../../src/engine/structured/structure-state.ts';
import { Vocabulary } from '../../../src/engine/structured/vocabulary.ts';
import { END, vocabulary } from './generate.ts';

const structures: readonly Structure[] = [
  { type: 'json_object' },
  { type: 'json_schema', schema: '{"type":"array","items":{"type":"string","minLength":2,"maxLength":40}}' },
  {
    type: 'json_schema',
    schema: '{"type":"object","properties":{"a":{"enum":["ab","abc",12]},"b":{"type":"string"}}}',
  },
  { type: 'json_schema', schema: '{"type":"string","pattern":"^(ab|a c)*$","maxLength":9}' },
  {
    type: 'json_schema',
    schema: '{"properties":{"ab":{"type":"null"}},"additionalProperties":{"type":"integer"}}',
  },
  { type: 'regex', pattern: '(ab|abc|a){3,60}(true|false)?' },
  { type: 'regex', pattern: '.{2,50}12' },
  { type: 'regex', pattern: '(.|..){1,12}' },
  { type: 'choice', choices: ['ab', 'abc', 'abca', 'true', ''] },
  { type: 'grammar', grammar: 'root ::= "[" (root ("," root)*)? "]" | [a-c]{1,3} | "12"' },
];

/** Token by token, byte by byte. */
function naive({ exprs }: CompiledStructure, state: Expr): number[] {
  const fits = (bytes: Uint8Array | undefined) =>
    bytes !== undefined && bytes.reduce((at, byte) => derive(exprs, at, byte), state) !== exprs.never;
  return Array.from({ length: vocabulary.size }, (_, id) => id).filter(id => fits(vocabulary.bytesOf(id)));
}

function ids(mask: Uint32Array): number[] {
  return Array.from({ length: 32 * mask.length }, (_, id) => id).filter(
    id => (mask[id >>> 5]! >>> (id & 31)) & 1,
  );
}

test('masks are what trying every token finds, wherever an output is', () => {
  let looked = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(...structures),
      fc.array(fc.nat(), { minLength: 1, maxLength: 60 }),
      (structure, picks) => {
        const compiled = compileStructure(structure, vocabulary);
        let state = compiled.start;
        for (const pick of picks) {
          const allowed = ids(compiled.masks.of(state));
          expect(allowed).toEqual(naive(compiled, state));
          looked++;
          if (allowed.length === 0) break;
          for (const byte of vocabulary.bytesOf(allowed[pick % allowed.length]!)!) {
            state = derive(compiled.exprs, state, byte);
          }
        }
      },
    ),
    { numRuns: 300 },
  );
  expect(looked).toBeGreaterThan(1000);
});

test('an end is allowed where the structure may end, alone where nothing else may follow', () => {
  const compiled = compileStructure({ type: 'regex', pattern: 'ab?' }, vocabulary);
  const state = new StructureState(compiled, [END]);
  expect(ids(state.allowed).includes(END)).toBe(false);
  state.push(0x61);
  expect(ids(state.allowed)).toEqual([0x62, END]);
  expect([state.complete, state.over]).toEqual([true, false]);
  state.push(0x62);
  expect(ids(state.allowed)).toEqual([END]);
  expect([state.over, state.stuck]).toEqual([true, false]);
});

test('where there is no end to draw, an output that is over is stuck', () => {
  const state = new StructureState(compileStructure({ type: 'choice', choices: ['ab'] }, vocabulary), []);
  state.push(0x61);
  expect(state.stuck).toBe(false);
  state.push(0x62);
  expect([state.stuck, state.broken]).toEqual([true, undefined]);
});

test('a token that does not fit breaks it; samples of one structure know nothing of each other', () => {
  const compiled = compileStructure({ type: 'choice', choices: ['ab', 'ba'] }, vocabulary);
  const [one, other] = [new StructureState(compiled, [END]), new StructureState(compiled, [END])];
  one.push(0x61);
  one.push(0x61);
  expect(one.broken).toMatch(/does not fit/);
  other.push(0x62);
  expect(ids(other.allowed)).toEqual([0x61]);
});

test('a vocabulary without the letters is told of', () => {
  const poor = new Vocabulary([Uint8Array.of(0x61), undefined]);
  const compiled = compileStructure({ type: 'choice', choices: ['b'] }, poor);
  expect(() => new StructureState(compiled, [1])).toThrow('no token that the structure could go on with');
});

test('vocabularies: bytes as GPT-2 spells them, and pieces as SentencePiece does', () => {
  const of = (tokens: readonly string[]) => {
    const vocabulary = Vocabulary.of({
      size: tokens.length,
      specialIds: new Set([0]),
      token: id => tokens[id],
    });
    return tokens.map((_, id) => new TextDecoder().decode(vocabulary.bytesOf(id)));
  };
  expect(of(['<s>', 'Ġa', 'Ċ', 'Ã©', '<tool_call>', 'two words'])).toEqual([
    '',
    ' a',
    '\n',
    'é',
    '<tool_call>',
    'two words',
  ]);
  expect(of(['<s>', '▁a', '<0x0A>', 'é', '▁▁'])).toEqual(['', ' a', '\n', 'é', '  ']);
});

test('tokens of the same bytes are allowed together', () => {
  const twins = new Vocabulary([Uint8Array.of(0x61), Uint8Array.of(0x62), Uint8Array.of(0x61)]);
  expect(
    ids(
      compileStructure({ type: 'regex', pattern: 'a' }, twins).masks.of(
        compileStructure({ type: 'regex', pattern: 'a' }, twins).start,
      ),
    ),
  ).toEqual([0, 2]);
});
