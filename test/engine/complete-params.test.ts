import { expect, test } from 'vitest';
import { completeParams, type SamplingOptions } from '../../src/engine/complete-params.ts';

test("the defaults are vLLM's", () => {
  expect(completeParams()).toEqual({
    temperature: 1,
    topK: 0,
    topP: 1,
    minP: 0,
    presencePenalty: 0,
    frequencyPenalty: 0,
    repetitionPenalty: 1,
    logitBias: new Map(),
    logprobs: undefined,
    seed: undefined,
    maxTokens: 16,
    minTokens: 0,
    stop: [],
    stopTokenIds: [],
    ignoreEos: false,
    n: 1,
  });
});

test('what is convenient is made regular', () => {
  const params = completeParams({ stop: 'end', logitBias: { 5: -3 }, temperature: 1e-7, topK: undefined });
  expect(params).toMatchObject({ stop: ['end'], temperature: 0, topK: 0 });
  expect([...params.logitBias]).toEqual([[5, -3]]);
});

test.each<[string, unknown, string]>([
  ['temperature', -1, 'temperature is -1, but must be a number from 0 on'],
  ['temperature', Number.NaN, 'temperature is NaN'],
  ['topP', 0, 'topP is 0, but must be a number above 0, at most 1'],
  ['topK', 1.5, 'topK is 1.5'],
  ['minP', 2, 'minP is 2, but must be a number from 0 to 1'],
  ['presencePenalty', 3, 'from -2 to 2'],
  ['repetitionPenalty', 0, 'repetitionPenalty is 0, but must be a number above 0'],
  ['maxTokens', 0, 'maxTokens is 0, but must be a whole number from 1 on'],
  ['n', 'two', 'n is "two"'],
  ['seed', -4, 'seed is -4'],
  ['logprobs', -1, 'logprobs is -1'],
  ['stop', '', 'an empty stop string'],
  ['stop', 5, 'stop is 5, but must be a text, or a list of texts'],
  ['stop', ['a', 5], 'stop is ["a",5]'],
  ['stopTokenIds', 5, 'stopTokenIds is 5, but must be a list of token ids'],
  ['logitBias', null, 'logitBias is null, but must map token ids to numbers'],
  ['minTokens', 17, 'minTokens (17) is more than maxTokens (16)'],
  ['logitBias', { '-1': 3 }, 'logitBias has 3 for -1'],
  ['top_k', 3, 'there is no sampling parameter "top_k": there are temperature, topK'],
])('%s %j is refused', (key, value, message) => {
  expect(() => completeParams({ [key]: value } as SamplingOptions)).toThrow(message);
});

test.each([null, 5, 'hot'])('%j are no sampling parameters', options => {
  expect(() => completeParams(options as unknown as SamplingOptions)).toThrow(
    `sampling parameters are ${JSON.stringify(options)}, but must be an object such as {maxTokens: 100}`,
  );
});
