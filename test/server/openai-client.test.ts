import OpenAI, { APIError } from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LocalEngine } from '../../src/engine/local-engine.ts';
import { createApp } from '../../src/server/app.ts';
import { ModelList } from '../../src/server/model-list.ts';
import { NodeServer } from '../../src/server/node-server.ts';
import { defaultOptions } from '../../src/server/options.ts';
import { servedModel, shipped, until } from './serving.ts';
import { served } from './serving-process.ts';

/** The model that ships, on the CPU, behind a real socket: what the official client makes of it. */
let engine: LocalEngine;
let server: NodeServer;
let client: OpenAI;

beforeAll(async () => {
  engine = await LocalEngine.load({ backend: 'reference', model: shipped });
  const options = { ...defaultOptions, apiKeys: ['key'], enablePromptTokensDetails: true };
  const app = createApp({ models: new ModelList([servedModel(engine)]), options });
  server = await NodeServer.listen(app, { host: '127.0.0.1', port: 0 });
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'key', maxRetries: 0 });
});

afterAll(async () => {
  await server.close(0);
  await engine.close();
});

const model = 'stories';
const sampled = { model, max_tokens: 12, temperature: 0 } as const;

test('completions, whole and streamed, say the same', async () => {
  const body = { ...sampled, prompt: 'Once upon a time' };
  const whole = await client.completions.create(body);
  expect(whole.choices[0]).toMatchObject({ finish_reason: 'length', text: expect.stringMatching(/^, in a/) });
  let text = '';
  let usage: OpenAI.CompletionUsage | null | undefined;
  const stream = await client.completions.create({
    ...body,
    stream: true,
    stream_options: { include_usage: true },
  });
  for await (const chunk of stream) {
    text += chunk.choices[0]?.text ?? '';
    usage = chunk.usage ?? usage;
  }
  expect(text).toBe(whole.choices[0]!.text);
  expect(usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 12, total_tokens: 17 });
});

test('chat completions, whole and streamed, say the same', async () => {
  const body = { ...sampled, messages: [{ role: 'user' as const, content: 'Tell me a story about a fox.' }] };
  const whole = await client.chat.completions.create(body);
  const [choice] = whole.choices;
  expect(choice).toMatchObject({ finish_reason: 'length', message: { role: 'assistant' } });
  const stream = client.chat.completions.stream(body);
  const final = await stream.finalChatCompletion();
  expect(final.choices[0]!.message.content).toBe(choice!.message.content);
});

test('log probabilities are of a distribution, and the likeliest is drawn greedily', async () => {
  const { choices } = await client.chat.completions.create({
    ...sampled,
    messages: [{ role: 'user', content: 'Hello' }],
    logprobs: true,
    top_logprobs: 5,
  });
  for (const { token, logprob, top_logprobs } of choices[0]!.logprobs!.content!) {
    expect(top_logprobs).toHaveLength(5);
    expect(top_logprobs[0]).toMatchObject({ token, logprob });
    const mass = top_logprobs.reduce((sum, one) => sum + Math.exp(one.logprob), 0);
    expect(mass).toBeGreaterThan(0.2);
    expect(mass).toBeLessThanOrEqual(1 + 1e-6);
  }
});

test('a seed is a text; n samples differ; a stop string ends it', async () => {
  const body = { model, prompt: 'Once', max_tokens: 24, temperature: 1, seed: 7, n: 3 };
  const [one, two] = [await client.completions.create(body), await client.completions.create(body)];
  const texts = one.choices.map(({ text }) => text);
  expect(two.choices.map(({ text }) => text)).toEqual(texts);
  expect(new Set(texts).size).toBe(3);
  const { choices } = await client.completions.create({
    ...sampled,
    prompt: 'Once upon a time',
    stop: ' in',
  });
  expect(choices[0]).toMatchObject({ text: ',', finish_reason: 'stop' });
});

test('models; a prompt found in the prefix cache; tokens there and back', async () => {
  const list = await client.models.list();
  expect(list.data.map(({ id }) => id)).toEqual([model]);
  expect(await client.models.retrieve(model)).toMatchObject({ id: model, object: 'model' });
  const prompt =
    'Once upon a time there was a fox who lived in the forest by the sea and was never sad. '.repeat(2);
  const body = { ...sampled, prompt, max_tokens: 1 };
  await client.completions.create(body);
  const again = await client.completions.create(body);
  expect(again.usage!.prompt_tokens_details!.cached_tokens).toBeGreaterThanOrEqual(16);
  await fetch(`${server.url}/reset_prefix_cache`, {
    method: 'POST',
    headers: { authorization: 'Bearer key' },
  });
  const fresh = await client.completions.create(body);
  expect(fresh.usage!.prompt_tokens_details!.cached_tokens).toBe(0);
});

test('errors are those that the client knows', async () => {
  const attempt = async (run: () => Promise<unknown>) => {
    const error = await run().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(APIError);
    const known = error as APIError;
    return [known.status, known.constructor.name];
  };
  const body = { ...sampled, prompt: 'x' };
  const stranger = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'other', maxRetries: 0 });
  expect(await attempt(() => client.completions.create({ ...body, model: 'other' }))).toEqual([
    404,
    'NotFoundError',
  ]);
  expect(await attempt(() => client.completions.create({ ...body, n: 0 }))).toEqual([400, 'BadRequestError']);
  expect(await attempt(() => stranger.completions.create(body))).toEqual([401, 'AuthenticationError']);
});

test('a stream that is left frees its blocks', async () => {
  const stream = await client.completions.create({
    model,
    prompt: 'Once upon a time',
    max_tokens: 500,
    stream: true,
    ...{ ignore_eos: true },
  });
  for await (const _ of stream) break;
  await until(() => {
    const { running, waiting, usage } = engine.stats();
    return running + waiting + usage.token + usage.reserved === 0;
  }, 'the blocks are free');
});

const tools = [
  {
    type: 'function' as const,
    function: {
      name: 'find_fox',
      description: 'Where a fox is.',
      parameters: {
        type: 'object',
        properties: { color: { enum: ['red', 'white'] }, age: { type: 'integer', minimum: 0, maximum: 9 } },
        required: ['color', 'age'],
      },
    },
  },
];

test('tools, as the simulated backend is started by its documented line', async () => {
  const line = ['--backend', 'simulated', '--gpu', 'a100-80g', '--model', 'llama-2-7b'];
  const run = await served([...line, '--log-level', 'silent'], async url => {
    const { completions } = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 }).chat;
    const messages: OpenAI.ChatCompletionMessageParam[] = [
      { role: 'system', content: 'You know foxes.' },
      { role: 'user', content: 'Where is the fox?' },
    ];
    const body = { model: 'llama-2-7b', seed: 3, messages, tools, parallel_tool_calls: false };
    const find_fox = { type: 'function', function: { name: 'find_fox' } } as const;
    for (const tool_choice of ['required', find_fox] as const) {
      const whole = await completions.create({ ...body, tool_choice });
      const streamed = await completions.stream({ ...body, tool_choice }).finalChatCompletion();
      const calls = [whole, streamed].map(({ choices: [choice] }) => {
        expect(choice!.finish_reason).toBe('tool_calls');
        expect(choice!.message.tool_calls).toHaveLength(1);
        const [call] = choice!.message.tool_calls as [OpenAI.ChatCompletionMessageFunctionToolCall];
        return call.function;
      });
      expect(calls[0]).toMatchObject({ name: 'find_fox' });
      expect(['red', 'white']).toContain(JSON.parse(calls[0]!.arguments).color);
      expect(calls[1]).toMatchObject({ name: calls[0]!.name, arguments: calls[0]!.arguments });
      const { id, message } = { id: whole.choices[0]!.message.tool_calls![0]!.id, ...whole.choices[0]! };
      const answered = await completions.create({
        ...body,
        max_tokens: 8,
        messages: [...messages, message, { role: 'tool', tool_call_id: id, content: 'In the den.' }],
      });
      expect(answered.usage!.prompt_tokens).toBeGreaterThan(whole.usage!.prompt_tokens);
    }
    const asked: number[] = [];
    for (const changes of [{}, { tool_choice: 'none' }, { tool_choice: 'auto' }] as const) {
      const whole = await completions.create({ ...body, ...changes, max_tokens: 8 });
      expect(whole.choices[0]).toMatchObject({ finish_reason: 'length', message: { tool_calls: [] } });
      const streamed = completions.stream({ ...body, ...changes, max_tokens: 8 });
      expect(await streamed.finalContent()).toBe(whole.choices[0]!.message.content);
      asked.push(whole.usage!.prompt_tokens);
    }
    const bare = await completions.create({ model: body.model, messages, max_tokens: 1 });
    for (const count of asked) expect(count).toBeGreaterThan(bare.usage!.prompt_tokens + 50);
  });
  expect(run.code).toBe(0);
});
