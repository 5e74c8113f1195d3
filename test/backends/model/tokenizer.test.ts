import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer as HfTokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitWords } from '../../../src/backends/model/split-words.ts';
import { parseTokenizer, type Tokenizer } from '../../../src/backends/model/tokenizer.ts';
import { UsageError } from '../../../src/core/errors.ts';
import { cpuSeconds } from '../../support/cpu.ts';
import { openStories, storiesFolder } from '../../support/stories.ts';
import { byteLevelJson, byteLevelTokenizer } from './byte-level.ts';

const json = (name: string) => JSON.parse(readFileSync(join(storiesFolder, name), 'utf8'));
const storiesJson = json('tokenizer.json');
const stories = parseTokenizer(storiesJson, json('tokenizer_config.json'), 'stories260K');
const byteLevel = byteLevelTokenizer();
const { golden } = openStories();

/** What people write, and what nobody does. */
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 30 }),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc
    .array(fc.constantFrom(' ', '  ', '\n', 'Once', 'the', 'hello', '▁', '▁▁', '.', '😀', 'é', 'Lily', '1'), {
      maxLength: 30,
    })
    .map(parts => parts.join('')),
);

test('the golden text of stories260K, there and back', () => {
  expect(stories.decode(golden.greedy_token_ids)).toBe(golden.greedy_text);
  expect(stories.encode(golden.greedy_text)).toEqual([1, ...golden.greedy_token_ids]);
  expect(stories.encode(golden.greedy_text, { addSpecialTokens: false })).toEqual(golden.greedy_token_ids);
  expect(stories).toMatchObject({ bosTokenId: 1, eosTokenId: 2, size: 512, chatTemplate: undefined });
  expect([...stories.specialIds]).toEqual([0, 1, 2]);
  expect(stories.encode('')).toEqual([1]);
  expect(stories.decode([])).toBe('');
});

test('byte-level BPE in the manner of Llama 3', () => {
  expect(byteLevel.encode('hello the')).toEqual([262, 261, 258]);
  expect(byteLevel.encode('<|eot|>a', { addSpecialTokens: false })).toEqual([263, 97]);
  expect(byteLevel).toMatchObject({ bosTokenId: 262, eosTokenId: 263, size: 264, chatTemplate: '{{ x }}' });
  expect(byteLevel.decode([262, 261, 263])).toBe('hello');
  expect(byteLevel.decode([262, 261], { skipSpecialTokens: false })).toBe('<|begin_of_text|>hello');
});

test('any text comes back as it was, without half surrogates', () => {
  fc.assert(
    fc.property(text, given => {
      const whole = given.replace(/\p{Surrogate}/gu, '\uFFFD');
      expect(byteLevel.decode(byteLevel.encode(given))).toBe(whole);
      // SentencePiece writes a space as ▁, and cannot tell the two apart.
      expect(stories.decode(stories.encode(given))).toBe(whole.replaceAll('▁', ' '));
    }),
  );
});

test('word by word or as a whole, the tokens are the same', () => {
  const whole = new HfTokenizer(storiesJson, {});
  expect(splitWords(storiesJson)).not.toEqual(storiesJson);
  fc.assert(
    fc.property(text, given => {
      expect(stories.encode(given)).toEqual(whole.encode(given.replace(/\p{Surrogate}/gu, '\uFFFD')).ids);
    }),
    { numRuns: 300 },
  );
});

test('a vocabulary with tokens that reach over words is left as it is', () => {
  const { model } = storiesJson;
  const reaching = { ...storiesJson, model: { ...model, merges: [...model.merges, ['s', '▁a']] } };
  expect(splitWords(reaching)).toBe(reaching);
  const old = { ...storiesJson, model: { ...model, merges: ['▁ ▁', '▁ a', 's ▁a'] } };
  expect(splitWords(old)).toBe(old);
  expect(splitWords({ ...old, model: { ...model, merges: ['▁ ▁', '▁▁ a'] } })).not.toBe(old);
  expect(splitWords(byteLevelJson())).toHaveProperty('pre_tokenizer', byteLevelJson().pre_tokenizer);
});

/** Every piece as it comes, and the rest. */
function streamed(tokenizer: Tokenizer, ids: readonly number[], prompt: readonly number[] = []): string[] {
  const detokenizer = tokenizer.detokenizer(prompt);
  return [...ids.map(id => detokenizer.push(id)), detokenizer.flush()];
}

test.each([
  ['SentencePiece', stories],
  ['byte-level', byteLevel],
])('%s: pieces together are the text, whatever the tokens', (_name, tokenizer) => {
  const id = fc.oneof(
    fc.nat(tokenizer.size - 1),
    fc.nat(tokenizer.size + 40),
    fc.integer({ min: 128, max: 255 }),
  );
  fc.assert(
    fc.property(fc.array(id, { maxLength: 60 }), ids => {
      expect(streamed(tokenizer, ids).join('')).toBe(tokenizer.decode(ids));
    }),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(text, text, (prompt, output) => {
      const before = tokenizer.encode(prompt);
      const ids = tokenizer.encode(output, { addSpecialTokens: false });
      const all = tokenizer.decode([...before, ...ids]);
      const said = streamed(tokenizer, ids, before).join('');
      expect(all.endsWith(said)).toBe(true);
      // A prompt of special tokens and whole characters: nothing is lost at the seam.
      expect(tokenizer.decode(before) + said).toBe(all);
    }),
    { numRuns: 300 },
  );
});

test('a character of several tokens comes when it is whole, and never in part', () => {
  const ids = byteLevel.encode('a😀é', { addSpecialTokens: false });
  expect(ids.length).toBe(7);
  expect(streamed(byteLevel, ids)).toEqual(['a', '', '', '', '😀', '', 'é', '']);
  expect(streamed(byteLevel, ids.slice(0, 4))).toEqual(['a', '', '', '', '\uFFFD']);
});

test('the first word has its space behind a prompt, and none at the start', () => {
  const prompt = stories.encode('Once upon a time');
  const ids = stories.encode('there was', { addSpecialTokens: false });
  expect(streamed(stories, ids).join('')).toBe('there was');
  expect(streamed(stories, ids, [1]).join('')).toBe('there was');
  expect(streamed(stories, ids, prompt).join('')).toBe(' there was');
});

test('broken bytes without end are let out, and do not pile up', () => {
  const lead = byteLevel.encode('😀', { addSpecialTokens: false })[0]!;
  const detokenizer = byteLevel.detokenizer();
  let out = '';
  for (let i = 0; i < 1000; i++) out += detokenizer.push(lead);
  expect(out.length).toBeGreaterThan(990);
  expect(out + detokenizer.flush()).toBe('\uFFFD'.repeat(1000));
});

test('a tokenizer of another model is refused', () => {
  stories.requireFit(512, 'it');
  byteLevel.requireFit(1000, 'it');
  expect(() => byteLevel.requireFit(262, 'it')).toThrow(UsageError);
  expect(() => byteLevel.requireFit(262, 'it')).toThrow(
    'has token ids up to 263 ("<|eot|>"), but the vocabulary of the model has 262',
  );
});

test.each<[string, unknown, string]>([
  ['a list', [], 'The tokenizer.json of it must hold an object'],
  ['no model', {}, 'In the tokenizer.json of it, model is missing'],
  [
    'another model',
    { model: { type: 'Odd' } },
    'the tokenizer is not supported: Unknown TokenizerModel type: Odd',
  ],
  ['another decoder', { ...byteLevelJson(), decoder: { type: 'Odd' } }, 'Unknown Decoder type: Odd'],
])('what is no tokenizer is refused: %s', (_name, given, message) => {
  expect(() => parseTokenizer(given, {}, 'it')).toThrow(UsageError);
  expect(() => parseTokenizer(given, {}, 'it')).toThrow(message);
});

test('100 kB encode in well under a second', async () => {
  const long = golden.greedy_text.repeat(180).slice(0, 100_000);
  const spent = await cpuSeconds(() => expect(stories.encode(long).length).toBeGreaterThan(30_000));
  expect(spent).toBeLessThan(1);
});
