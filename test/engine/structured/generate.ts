import { gumbel, noiseKey } from '../../../src/backends/sampling/gumbel.ts';
import { sampleToken } from '../../../src/backends/sampling/sample.ts';
import type { Structure } from '../../../src/core/sampling-params.ts';
import { derive, nullable } from '../../../src/engine/structured/derive.ts';
import type { Expr } from '../../../src/engine/structured/expr.ts';
import type { Exprs } from '../../../src/engine/structured/exprs.ts';
import {
  type CompiledStructure,
  compileStructure,
} from '../../../src/engine/structured/structure-compiler.ts';
import { StructureState } from '../../../src/engine/structured/structure-state.ts';
import { Vocabulary } from '../../../src/engine/structured/vocabulary.ts';
import { drawOf } from '../../support/hand-batch.ts';

const encoder = new TextEncoder();

/** All bytes, and pieces that go across the joints of JSON, of words and of characters. */
const pieces = [
  '{"',
  '":',
  '": "',
  '", "',
  '"}',
  '}}',
  '[[',
  '],',
  'true',
  'false',
  'null',
  'ab',
  'abc',
  ' a',
  '12',
  '-1',
];
export const END = 256 + pieces.length;

/** Small, of bytes, with one end of sequence. */
export const vocabulary = new Vocabulary([
  ...Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)),
  ...pieces.map(piece => encoder.encode(piece)),
  undefined,
]);

export interface Generated {
  readonly text: string;
  /** It ended by itself. */
  readonly ended: boolean;
  readonly broken: string | undefined;
}

/** What a model that knows nothing writes at temperature 1: random logits, a leaning to end, and the mask. */
export function generate(structure: Structure, seed: number, most = 400): Generated {
  return generateFrom(compileStructure(structure, vocabulary), seed, most);
}

export function generateFrom(compiled: CompiledStructure, seed: number, most: number): Generated {
  const { vocabulary } = compiled;
  const state = new StructureState(compiled, [END]);
  const bytes: number[] = [];
  const logits = new Float32Array(vocabulary.size);
  for (let step = 0; step < most; step++) {
    const key = noiseKey(seed + 1, step);
    for (let id = 0; id < logits.length; id++) logits[id] = gumbel(key, id);
    // Else strings would never be over.
    for (const likely of ['"', ']', '}', '}}', '"}']) {
      const id = likely.length === 1 ? likely.charCodeAt(0) : 256 + pieces.indexOf(likely);
      if (id < logits.length) logits[id]! += 4;
    }
    if (END < logits.length) logits[END]! += 4;
    const draw = drawOf(0, { seed, step, allowed: state.allowed }, { temperature: 1 });
    const { token } = sampleToken(logits, draw);
    if (token === END) return { text: decode(bytes), ended: true, broken: undefined };
    bytes.push(...vocabulary.bytesOf(token)!);
    state.push(token);
    if (state.broken !== undefined) return { text: decode(bytes), ended: false, broken: state.broken };
  }
  return { text: decode(bytes), ended: false, broken: undefined };
}

function decode(bytes: readonly number[]): string {
  // A mistake in UTF-8 is a mistake of the structure, unless the output was cut off.
  return new TextDecoder('utf-8').decode(Uint8Array.from(bytes));
}

/** Whether a whole text is in it. */
export function accepts(exprs: Exprs, expr: Expr, text: string): boolean {
  let state = expr;
  for (const byte of encoder.encode(text)) state = derive(exprs, state, byte);
  return nullable(state);
}

export function acceptsText(structure: Structure, text: string): boolean {
  const { exprs, start } = compileStructure(structure, vocabulary);
  return accepts(exprs, start, text);
}
