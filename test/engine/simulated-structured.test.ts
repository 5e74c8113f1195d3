import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Structure } from '../../src/core/sampling-params.ts';
import type { SamplingOptions } from '../../src/engine/complete-params.ts';
import { LocalEngine } from '../../src/engine/local-engine.ts';
import type { CompletionOutput } from '../../src/engine/outputs.ts';
import { storiesFolder } from '../support/stories.ts';
import { add, ask } from './listening.ts';
import { isValid } from './structured/validate-json.ts';

let engine: LocalEngine;

beforeAll(async () => {
  engine = await LocalEngine.load({
    backend: 'simulated',
    config: { model: 'llama-2-7b', gpu: 'a100-80g' },
    tokenizer: storiesFolder,
    timeScale: 0.001,
  });
});

afterAll(() => engine.close());

/** Of 40 requests at once, with a seed each. */
async function said(options: SamplingOptions): Promise<readonly CompletionOutput[]> {
  const heard = await Promise.all(
    Array.from({ length: 40 }, (_, seed) => add(engine, ask([5, 6], { seed, maxTokens: 3000, ...options }))),
  );
  return (await Promise.all(heard.map(one => one.output()))).flatMap(({ outputs }) => outputs);
}

const jsonOf = (schema: unknown): Structure => ({ type: 'json_schema', schema: JSON.stringify(schema) });
const person = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    age: { type: 'integer', minimum: 0, maximum: 150 },
    tags: { type: 'array', items: { enum: ['red', 'blue', 'näh'] }, minItems: 1 },
    id: { type: 'string', pattern: '^[A-Z]{2}-\\d{1,4}$', maxLength: 6 },
    more: { type: 'object', properties: { note: { type: 'string', minLength: 20 } }, required: ['note'] },
  },
  required: ['name', 'age', 'tags', 'id'],
};
const tree = {
  type: 'object',
  properties: { name: { type: 'string' }, sons: { type: 'array', items: { $ref: '#' } } },
  required: ['name', 'sons'],
};

test.each([
  ['a schema', person],
  ['a recursive schema', tree],
  ['keys that are not named', { properties: { a: { type: 'string' } }, additionalProperties: true }],
])('%s: every answer ends by itself, and is valid', async (_, schema) => {
  const outputs = await said({ structure: jsonOf(schema) });
  for (const { text, finishReason } of outputs) {
    expect(finishReason).toBe('stop');
    expect([text, isValid(schema as never, JSON.parse(text))]).toEqual([text, true]);
  }
  expect(new Set(outputs.map(({ text }) => text)).size).toBeGreaterThan(20);
  // Words, not whatever a mask lets through.
  expect(outputs.map(({ text }) => text).join(' ')).toMatch(/" ?\p{L}{3,}/u);
});

test('any JSON object; a grammar; each of some choices', async () => {
  for (const { text } of await said({ structure: { type: 'json_object' } }))
    expect(JSON.parse(text)).toBeTypeOf('object');
  const grammar = 'root ::= "[" root ("," root)* "]" | [1-9]+';
  for (const { text } of await said({ structure: { type: 'grammar', grammar } })) JSON.parse(text);
  const choices = ['yes', 'no', 'no, never'];
  const chosen = await said({ structure: { type: 'choice', choices } });
  expect(new Set(chosen.map(({ text }) => text))).toEqual(new Set(choices));
});

test('limits hold: max_tokens cuts, min_tokens waits, a stop token ends, ignore_eos ends without one', async () => {
  const letters: Structure = { type: 'regex', pattern: '[a-z ]+' };
  for (const output of await said({ structure: jsonOf(person), maxTokens: 7, n: 2 }))
    expect([output.finishReason, output.tokenIds.length]).toEqual(['length', 7]);
  for (const { tokenIds, text } of await said({ structure: letters, minTokens: 30 })) {
    expect(tokenIds.length).toBeGreaterThan(30);
    expect(text).toMatch(/^[a-z ]+$/);
  }
  for (const { finishReason, tokenIds } of await said({ structure: letters, ignoreEos: true, maxTokens: 60 }))
    expect([finishReason, tokenIds.length]).toEqual(['length', 60]);
  const colors: Structure = { type: 'choice', choices: ['red', 'green'] };
  const stopped = await said({ structure: colors, ignoreEos: true, stopTokenIds: [2], logprobs: 1 });
  for (const { stopReason, tokenIds, logprobs } of stopped)
    expect([stopReason, tokenIds.at(-1), logprobs!.length]).toEqual([2, 2, tokenIds.length]);
  for (const { finishReason, tokenIds, text } of await said({ structure: colors, ignoreEos: true })) {
    expect([finishReason, tokenIds.includes(2)]).toEqual(['stop', false]);
    expect(['red', 'green']).toContain(text);
  }
});

test('an answer is the same whatever runs beside it', async () => {
  const options = { structure: jsonOf(person), n: 2 };
  const many = await said(options);
  const one = await add(engine, ask([5, 6], { seed: 7, maxTokens: 3000, ...options }));
  const { outputs } = await one.output();
  expect(outputs.map(({ text }) => text)).toEqual(many.slice(14, 16).map(({ text }) => text));
});
