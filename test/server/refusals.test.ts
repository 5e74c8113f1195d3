import { expect, test } from 'vitest';
import { ok, refused, testServer } from './serving.ts';

const path = '/v1/completions';

test('what the context cannot hold is refused in the words of vLLM', async () => {
  const { app, engine } = testServer();
  const error = await refused(app, path, { prompt: 'x', max_tokens: 511 });
  expect(error).toMatchObject({ type: 'BadRequestError', param: 'input_tokens', code: 400 });
  expect(error.message).toBe(
    "This model's maximum context length is 512 tokens. However, you requested 511 output tokens and your prompt " +
      'contains 2 input tokens, for a total of 513 tokens. Please reduce the length of the input prompt or the ' +
      'number of requested output tokens.',
  );
  const long = await refused(app, path, { prompt: Array(512).fill(3) });
  expect(long.message).toContain('512 input tokens');
  expect(engine.asks).toEqual([]);
});

const refusals: readonly (readonly [what: object, param: string | null, message: RegExp])[] = [
  [{}, 'prompt', /expected text, a list/],
  [{ prompt: [] }, 'prompt', /empty list/],
  [{ prompt: [1, 'a'] }, 'prompt', /expected text, a list/],
  [{ prompt: [-1] }, 'prompt', /-1 is no token id/],
  [{ prompt: [1.5] }, 'prompt', /1.5 is no token id/],
  [{ prompt: [99_999] }, 'prompt', /ids are 0 to 1535/],
  [{ prompt: [[]] }, 'prompt', /empty/],
  [{ prompt: 'x', max_tokens: 0 }, 'max_tokens', /at least 1, got 0/],
  [{ prompt: 'x', min_tokens: 20 }, 'min_tokens', /more than max_tokens \(16\)/],
  [{ prompt: 'x', temperature: -1 }, 'temperature', /temperature: /],
  [{ prompt: 'x', temperature: 'hot' }, 'temperature', /expected number/],
  [{ prompt: 'x', top_p: 0 }, 'top_p', /top_p: /],
  [{ prompt: 'x', top_k: -2 }, 'top_k', /top_k: /],
  [{ prompt: 'x', n: 0 }, 'n', /n: /],
  [{ prompt: 'x', n: 129 }, 'n', /n: /],
  [{ prompt: 'x', seed: 1.5 }, 'seed', /whole number/],
  [{ prompt: 'x', stop: [''] }, null, /empty stop string/],
  [{ prompt: 'x', stop: Array(65).fill('a') }, 'stop', /stop: /],
  [{ prompt: 'x', stop_token_ids: [1536] }, 'stop_token_ids', /token id 1536/],
  [{ prompt: 'x', logit_bias: { a: 1 } }, 'logit_bias.a', /logit_bias/],
  [{ prompt: 'x', logit_bias: { 9999: 1 } }, 'logit_bias', /token id 9999/],
  [{ prompt: 'x', logprobs: 21 }, 'logprobs', /greater than max allowed: 20/],
  [{ prompt: 'x', logprobs: true }, 'logprobs', /logprobs: /],
  [{ prompt: 'x', best_of: 3 }, 'best_of', /best_of must equal n/],
  [{ prompt: 'x', echo: true, logprobs: 1 }, 'echo', /leave one of them out/],
  [{ prompt: 'x', prompt_logprobs: 1 }, 'prompt_logprobs', /not supported/],
  [{ prompt: 'x', suffix: 'y' }, 'suffix', /suffix is not currently supported/],
  [{ prompt: 'x', use_beam_search: true }, 'use_beam_search', /Beam search/],
  [{ prompt: 'x', priority: 1 }, 'priority', /priority scheduling is not enabled/],
  [{ prompt: 'x', stream_options: {} }, 'stream_options', /only be defined when/],
  [{ prompt: 'x', cache_salt: '' }, 'cache_salt', /cache_salt: /],
  [{ prompt: 'x', truncate_prompt_tokens: 513 }, 'truncate_prompt_tokens', /greater than max_model_len/],
];

test.each(refusals)('%j is refused', async (body, param, message) => {
  const { app, engine } = testServer();
  const error = await refused(app, path, body);
  expect(error).toMatchObject({ param, code: 400, message: expect.stringMatching(message) });
  expect(engine.asks).toEqual([]);
});

test('formats that are not known are refused, text and JSON are taken', async () => {
  const { app, engine } = testServer();
  const error = await refused(app, path, { prompt: 'x', response_format: { type: 'xml' } });
  expect(error).toMatchObject({
    message: expect.stringContaining('response_format.type is "xml"'),
    code: 400,
  });
  await ok(app, path, { prompt: 'x', response_format: { type: 'json_object' } });
  expect(engine.asks[0]!.params.structure).toEqual({ type: 'json_object' });
  await ok(app, path, { prompt: 'x', response_format: { type: 'text' } });
});

test('an unknown model is a 404; without a name the first is taken', async () => {
  const { app } = testServer();
  const error = await refused(app, path, { prompt: 'x', model: 'other' });
  expect(error).toEqual({
    message: 'The model `other` does not exist.',
    type: 'NotFoundError',
    param: 'model',
    code: 404,
  });
  expect((await ok(app, path, { prompt: 'x' })).model).toBe('stories');
});

test('unknown fields are accepted, and named in the log once', async () => {
  const { app, lines } = testServer();
  for (let i = 0; i < 2; i++) await ok(app, path, { prompt: 'x', zq_unknown_field: { a: 1 } });
  expect(lines.filter(({ level }) => level === 'debug').map(({ fields }) => fields)).toEqual([
    { field: 'zq_unknown_field' },
  ]);
});

test('priority is heeded where the policy orders by it', async () => {
  const { app, engine } = testServer({ model: { ordersByPriority: true } });
  await ok(app, path, { prompt: 'x', priority: -5 });
  expect(engine.asks[0]!.priority).toBe(-5);
});
