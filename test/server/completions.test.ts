import { expect, test } from 'vitest';
import { events, fakeEngine, type Json, ok, post, testServer, tokenizer } from './serving.ts';

const path = '/v1/completions';
const letters = 'abcdefghijklmnopqrstuvwxyz';
/** An engine that says the alphabet, again and again. */
const alphabet = () => fakeEngine({ token: (_ask, _sample, position) => 67 + (position % 26) });

test('a completion has the fields of vLLM', async () => {
  const { app } = testServer({ engine: alphabet() });
  const answer = await ok(app, path, { model: 'stories', prompt: 'Once', max_tokens: 5 });
  expect(answer).toEqual({
    id: expect.stringMatching(/^cmpl-[0-9a-f]{32}$/),
    object: 'text_completion',
    created: expect.any(Number),
    model: 'stories',
    choices: [{ index: 0, text: 'abcde', logprobs: null, finish_reason: 'length', stop_reason: null }],
    usage: { prompt_tokens: 2, total_tokens: 7, completion_tokens: 5 },
  });
});

test('16 tokens are the default, and null is what there is room for', async () => {
  const { app } = testServer({ engine: alphabet() });
  const tokens = async (body: object) =>
    (await ok(app, path, { prompt: 'Once', ...body })).usage.completion_tokens;
  expect(await tokens({})).toBe(16);
  expect(await tokens({ max_tokens: null })).toBe(510);
});

test('four kinds of prompt; choices are in the order of prompts, then of samples', async () => {
  const { app, engine } = testServer();
  const ids = tokenizer.encode('Once');
  const kinds = ['Once', ['Once'], ids, [ids]];
  for (const prompt of kinds) await ok(app, path, { prompt, max_tokens: 2 });
  for (const { promptTokenIds } of engine.asks) expect([...promptTokenIds]).toEqual(ids);

  const answer = await ok(app, path, { prompt: ['a', 'b'], n: 2, max_tokens: 3 });
  expect(answer.choices.map(({ index }: Json) => index)).toEqual([0, 1, 2, 3]);
  const alone = await ok(app, path, { prompt: 'b', n: 2, max_tokens: 3 });
  const texts = (choices: Json) => choices.map(({ text }: Json) => text);
  expect(texts(answer.choices.slice(2))).toEqual(texts(alone.choices));
  expect(answer.usage).toEqual({ prompt_tokens: 4, total_tokens: 16, completion_tokens: 12 });
});

test('an empty text stands for the start token', async () => {
  const { app, engine } = testServer();
  await ok(app, path, { prompt: '', add_special_tokens: false });
  expect(engine.asks[0]!.promptTokenIds).toEqual([1]);
});

test('what is sampled is what was asked for', async () => {
  const { app, engine } = testServer();
  await ok(app, path, {
    prompt: 'x',
    temperature: 0.5,
    top_p: 0.9,
    top_k: -1,
    min_p: 0.1,
    presence_penalty: 1,
    frequency_penalty: -1,
    repetition_penalty: 1.1,
    seed: -3,
    logit_bias: { '5': 200, '6': -1 },
    min_tokens: 2,
    ignore_eos: true,
    stop: 'zz',
    stop_token_ids: [7],
    cache_salt: 'tenant',
    n: 2,
    best_of: 2,
    priority: 0,
  });
  const [{ params, cacheSalt }] = engine.asks as [Json];
  expect(cacheSalt).toBe('tenant');
  expect({ ...params, logitBias: [...params.logitBias] }).toEqual({
    temperature: 0.5,
    topP: 0.9,
    topK: 0,
    minP: 0.1,
    presencePenalty: 1,
    frequencyPenalty: -1,
    repetitionPenalty: 1.1,
    seed: 2 ** 53 - 3,
    logitBias: [
      [5, 100],
      [6, -1],
    ],
    logprobs: undefined,
    maxTokens: 16,
    minTokens: 2,
    ignoreEos: true,
    stop: ['zz'],
    stopTokenIds: [7],
    n: 2,
  });
});

test("the model's generation config fills in what the client leaves open, and caps max_tokens", async () => {
  const defaults = { temperature: 0.3, topK: 9, maxTokens: 12 };
  const { app, engine } = testServer({ model: { defaults } });
  await ok(app, path, { prompt: 'x', top_p: 0.8 });
  await ok(app, path, { prompt: 'x', temperature: 1, max_tokens: 3 });
  expect(engine.asks[0]!.params).toMatchObject({ temperature: 0.3, topK: 9, topP: 0.8, maxTokens: 12 });
  expect(engine.asks[1]!.params).toMatchObject({ temperature: 1, topK: 9, maxTokens: 3 });
});

test('a stop string ends the text before it, or behind it when asked for', async () => {
  const { app } = testServer({ engine: alphabet() });
  const [choice] = (await ok(app, path, { prompt: 'x', stop: ['nowhere', 'ef'] })).choices;
  expect(choice).toMatchObject({ text: 'abcd', finish_reason: 'stop', stop_reason: 'ef' });
  const including = { prompt: 'x', stop: 'ef', include_stop_str_in_output: true };
  expect((await ok(app, path, including)).choices[0]).toMatchObject({ text: 'abcdef', stop_reason: 'ef' });
  const streamed = await events(await post(app, path, { ...including, stream: true }));
  const chunks = streamed.slice(0, -1);
  expect(chunks.map(({ choices }) => choices[0].text).join('')).toBe('abcdef');
  expect(chunks.at(-1).choices[0]).toMatchObject({ finish_reason: 'stop', stop_reason: 'ef' });
});

test('a stop token ends it, too; the end of sequence has no stop reason', async () => {
  const ending = (last: number) =>
    fakeEngine({ token: (_ask, _sample, position) => (position === 2 ? last : 67 + position) });
  const { app } = testServer({ engine: ending(80) });
  const body = { prompt: 'x', stop_token_ids: [80] };
  expect((await ok(app, path, body)).choices[0]).toMatchObject({ text: 'ab', stop_reason: 80 });
  const including = { ...body, include_stop_str_in_output: true };
  expect((await ok(app, path, including)).choices[0]).toMatchObject({ text: 'abn', stop_reason: 80 });

  const { app: ended } = testServer({ engine: ending(2) });
  const end = { text: 'ab', finish_reason: 'stop', stop_reason: null };
  expect((await ok(ended, path, { prompt: 'x' })).choices[0]).toMatchObject(end);
  const shown = { prompt: 'x', skip_special_tokens: false, include_stop_str_in_output: true };
  expect((await ok(ended, path, shown)).choices[0]).toMatchObject({ text: 'ab</s>', stop_reason: null });
});

test('a stop string of special tokens ends the request, though the engine never sees its text', async () => {
  const special = fakeEngine({ token: (_ask, _sample, position) => (position === 3 ? 1 : 67 + position) });
  const { app, engine } = testServer({ engine: special });
  const body = { prompt: 'x', skip_special_tokens: false, stop: '<s>', max_tokens: 400, n: 2 };
  const { choices, usage } = await ok(app, path, body);
  for (const choice of choices) {
    expect(choice).toMatchObject({ text: 'abc', finish_reason: 'stop', stop_reason: '<s>' });
  }
  expect(usage.completion_tokens).toBe(8);
  expect(engine.open).toBe(0);
  expect(engine.steps).toBeLessThan(20);
});

test('echo repeats the prompt; max_tokens of 0 is the prompt alone', async () => {
  const { app } = testServer({ engine: alphabet() });
  const body = { prompt: ['Once', 'Then'], echo: true };
  const { choices } = await ok(app, path, { ...body, max_tokens: 2 });
  expect(choices.map(({ text }: Json) => text)).toEqual(['Onceab', 'Thenab']);
  const alone = await ok(app, path, { ...body, max_tokens: 0 });
  expect(alone.choices.map(({ text }: Json) => text)).toEqual(['Once', 'Then']);
  const chunks = await events(await post(app, path, { ...body, max_tokens: 2, stream: true }));
  const texts = ['', ''];
  for (const {
    choices: [choice],
  } of chunks.slice(0, -1))
    texts[choice.index] += choice.text;
  expect(texts).toEqual(['Onceab', 'Thenab']);
});

test('log probabilities: tokens, values, alternatives, offsets; the same in a stream', async () => {
  const { app } = testServer({ engine: alphabet() });
  const body = { prompt: 'x', max_tokens: 3, logprobs: 2 };
  const whole = (await ok(app, path, body)).choices[0].logprobs;
  expect(whole).toEqual({
    tokens: ['a', 'b', 'c'],
    token_logprobs: [-0.5, -0.5, -0.5],
    top_logprobs: [
      { a: -0.5, b: -1.5 },
      { b: -0.5, c: -1.5 },
      { c: -0.5, d: -1.5 },
    ],
    text_offset: [0, 1, 2],
  });
  const chunks = await events(await post(app, path, { ...body, stream: true }));
  const parts = chunks.slice(0, -1).map(({ choices }) => choices[0].logprobs);
  for (const key of Object.keys(whole)) expect(parts.flatMap(part => part[key])).toEqual(whole[key]);
  const ids = await ok(app, path, { ...body, return_tokens_as_token_ids: true });
  expect(ids.choices[0].logprobs.tokens).toEqual(['token_id:67', 'token_id:68', 'token_id:69']);
});

test('token ids are returned where they are asked for', async () => {
  const { app } = testServer({ engine: alphabet() });
  const body = { prompt: [5, 6, 7], max_tokens: 2, return_token_ids: true };
  expect((await ok(app, path, body)).choices[0]).toMatchObject({
    token_ids: [67, 68],
    prompt_token_ids: [5, 6, 7],
  });
});

test('a long prompt is cut from the front where that is asked for', async () => {
  const { app, engine } = testServer();
  const prompt = Array.from({ length: 600 }, (_, i) => i);
  await ok(app, path, { prompt, truncate_prompt_tokens: 3 });
  await ok(app, path, { prompt, truncate_prompt_tokens: -1, max_tokens: 12 });
  expect(engine.asks[0]!.promptTokenIds).toEqual([597, 598, 599]);
  expect(engine.asks[1]!.promptTokenIds).toEqual(prompt.slice(100));
});

test('a stream adds up to the text; usage comes last, or in every chunk', async () => {
  const { app } = testServer({ engine: alphabet() });
  const body = { prompt: 'x', max_tokens: 30, n: 2, stream: true };
  const plain = await events(await post(app, path, body));
  expect(plain.at(-1)).toBe('[DONE]');
  expect(plain.slice(0, -1).every(chunk => !('usage' in chunk) && chunk.choices.length === 1)).toBe(true);
  for (const index of [0, 1]) {
    const own = plain
      .slice(0, -1)
      .map(({ choices }) => choices[0])
      .filter(one => one.index === index);
    expect(own.map(({ text }) => text).join('')).toBe((letters + letters).slice(0, 30));
    expect(own.map(one => one.finish_reason).filter(reason => reason !== null)).toEqual(['length']);
    expect(own.at(-1).finish_reason).toBe('length');
  }

  const counted = await events(await post(app, path, { ...body, stream_options: { include_usage: true } }));
  expect(counted.at(-2)).toMatchObject({
    object: 'text_completion',
    choices: [],
    usage: { prompt_tokens: 2, completion_tokens: 60, total_tokens: 62 },
  });
  const stream_options = { include_usage: true, continuous_usage_stats: true };
  const always = await events(await post(app, path, { ...body, n: 1, stream_options }));
  expect(always.slice(0, -2).map(({ usage }) => usage.completion_tokens)).toEqual(
    Array.from({ length: 30 }, (_, i) => i + 1),
  );
});
