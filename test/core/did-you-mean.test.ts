import { expect, test } from 'vitest';
import { didYouMean } from '../../src/core/did-you-mean.ts';

const names = [
  'a100-40g',
  'a100-80g',
  'h100',
  'llama-7b',
  'llama-2-7b',
  'llama-2-70b',
  'mistral-7b',
  'qwen2.5-7b',
  'qwen2.5-72b',
];

test.each([
  ['llama2-7b', 'llama-2-7b'],
  ['Llama-2-7B-hf', 'llama-2-7b'],
  ['LLAMA-2-70B', 'llama-2-70b'],
  ['a100', 'a100-40g'],
  ['80g', 'a100-80g'],
  ['nvidia-h100', 'h100'],
  ['h1', 'h100'],
  ['mitsral-7b', 'mistral-7b'],
  ['qwen25-7b', 'qwen2.5-7b'],
  ['qwen2.5-7', 'qwen2.5-7b'],
])('%s means %s', (word, meant) => {
  expect(didYouMean(word, names)).toBe(meant);
});

test('one slip in a short word is forgiven', () => {
  expect(didYouMean('vlm', ['orca-max', 'vllm', 'vllm-v0', 'tgi-3'])).toBe('vllm');
});

test.each(['', 'x', 'banana', '---'])('%o means nothing', word => {
  expect(didYouMean(word, names)).toBeUndefined();
});

test('no candidates, no answer', () => {
  expect(didYouMean('h100', [])).toBeUndefined();
});

test('the first of equally close candidates is named', () => {
  expect(didYouMean('abcx', ['abcd', 'abce'])).toBe('abcd');
});
