import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ChatTemplate, readChatTemplate } from '../../src/server/chat-template.ts';
import { standInTemplate } from '../../src/server/stand-in-template.ts';
import {
  events,
  fakeEngine,
  ok,
  post,
  refused,
  shipped,
  template,
  testServer,
  tokenizer,
} from './serving.ts';

const path = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hello' }];
const alphabet = () => fakeEngine({ token: (_ask, _sample, position) => 67 + (position % 26) });

test('a chat completion has the fields of vLLM; the prompt is what the template makes', async () => {
  const { app, engine } = testServer({ engine: alphabet() });
  const answer = await ok(app, path, { model: 'stories', messages, max_completion_tokens: 3 });
  expect(answer).toMatchObject({
    id: expect.stringMatching(/^chatcmpl-/),
    object: 'chat.completion',
    model: 'stories',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'abc', tool_calls: [] },
        logprobs: null,
        finish_reason: 'length',
        stop_reason: null,
      },
    ],
    usage: { completion_tokens: 3 },
  });
  const text = tokenizer.decode(engine.asks[0]!.promptTokenIds, { skipSpecialTokens: false });
  expect(text).toBe('<s>User: Hello\nAssistant:\n');
});

test('without max_tokens all of the context is there', async () => {
  const { app, engine } = testServer();
  await ok(app, path, { messages });
  const [ask] = engine.asks;
  expect(ask!.params.maxTokens).toBe(512 - ask!.promptTokenIds.length);
});

test('a stream begins with the role, and adds up', async () => {
  const { app } = testServer({ engine: alphabet() });
  const body = { messages, max_tokens: 4, n: 2, stream: true, stream_options: { include_usage: true } };
  const chunks = await events(await post(app, path, body));
  expect(chunks.at(-1)).toBe('[DONE]');
  expect(chunks.at(-2)).toMatchObject({ choices: [], usage: { completion_tokens: 8 } });
  for (const index of [0, 1]) {
    const own = chunks
      .slice(0, -2)
      .map(({ choices }) => choices[0])
      .filter(one => one.index === index);
    expect(own[0]).toEqual({
      index,
      delta: { role: 'assistant', content: '' },
      logprobs: null,
      finish_reason: null,
    });
    expect(own.map(({ delta }) => delta.content).join('')).toBe('abcd');
    expect(own.at(-1)).toMatchObject({ finish_reason: 'length', stop_reason: null });
  }
});

test('log probabilities in the shape of chats', async () => {
  const { app } = testServer({ engine: alphabet() });
  const { choices } = await ok(app, path, { messages, max_tokens: 1, logprobs: true, top_logprobs: 2 });
  expect(choices[0].logprobs).toEqual({
    content: [
      {
        token: 'a',
        logprob: -0.5,
        bytes: [97],
        top_logprobs: [
          { token: 'a', logprob: -0.5, bytes: [97] },
          { token: 'b', logprob: -1.5, bytes: [98] },
        ],
      },
    ],
  });
  const alone = await ok(app, path, { messages, max_tokens: 1, logprobs: true });
  expect(alone.choices[0].logprobs.content[0].top_logprobs).toEqual([]);
});

test('parts of text are joined; other parts are refused', async () => {
  const { app, engine } = testServer();
  const parts = [
    { type: 'text', text: 'one' },
    { type: 'text', text: 'two' },
  ];
  await ok(app, path, { messages: [{ role: 'user', content: parts }] });
  expect(tokenizer.decode(engine.asks[0]!.promptTokenIds)).toContain('one\ntwo');
  const image = [{ type: 'image_url', image_url: { url: 'data:' } }];
  const error = await refused(app, path, { messages: [{ role: 'user', content: image }] });
  expect(error.message).toContain('image_url');
});

test('a message can be continued, and its beginning repeated', async () => {
  const { app, engine } = testServer({ engine: alphabet() });
  const begun = [...messages, { role: 'assistant', content: 'Once upon ' }];
  const body = {
    messages: begun,
    continue_final_message: true,
    add_generation_prompt: false,
    echo: true,
    max_tokens: 2,
  };
  const answer = await ok(app, path, body);
  expect(answer.choices[0].message).toMatchObject({ role: 'assistant', content: 'Once upon ab' });
  const prompt = tokenizer.decode(engine.asks[0]!.promptTokenIds, { skipSpecialTokens: false });
  expect(prompt).toBe('<s>User: Hello\nAssistant:\nOnce upon');
  const streamed = await events(await post(app, path, { ...body, stream: true }));
  const contents = streamed.slice(0, -1).map(({ choices }) => choices[0].delta.content);
  expect(contents).toEqual(['', 'Once upon ', 'a', 'b']);
  const both = await refused(app, path, { messages: begun, continue_final_message: true });
  expect(both.message).toContain('Cannot set both');
});

test('a model without a template says so; a template that refuses is a 400', async () => {
  const { app } = testServer({ model: { chatTemplate: undefined } });
  expect((await refused(app, path, { messages })).message).toContain('has no chat template');

  const source = "{{ raise_exception('Only user and assistant roles are supported!') }}";
  const strict = new ChatTemplate(source, {}, 'test');
  const { app: other } = testServer({ model: { chatTemplate: strict } });
  const error = await refused(other, path, { messages });
  expect(error).toMatchObject({ code: 400, param: 'messages' });
  expect(error.message).toContain('Only user and assistant roles are supported!');
});

test('templates are found in all places where models have them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'quire-template-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const config = (chat_template: unknown) =>
    writeFileSync(
      join(folder, 'tokenizer_config.json'),
      JSON.stringify({ chat_template, bos_token: { content: '<b>' }, eos_token: '</b>' }),
    );
  const rendered = async (file?: string) => (await readChatTemplate(folder, file))?.render({ messages });
  config(undefined);
  expect(await rendered()).toBeUndefined();
  config('{{ bos_token }}one{{ eos_token }}');
  expect(await rendered()).toBe('<b>one</b>');
  config([
    { name: 'tool_use', template: 'tools' },
    { name: 'default', template: 'of two' },
  ]);
  expect(await rendered()).toBe('of two');
  writeFileSync(join(folder, 'chat_template.jinja'), 'own file {{ messages[0].content }}');
  expect(await rendered()).toBe('own file Hello');
  writeFileSync(join(folder, 'mine.jinja'), 'mine');
  expect(await rendered(join(folder, 'mine.jinja'))).toBe('mine');
  await expect(rendered(join(folder, 'absent.jinja'))).rejects.toThrow('no such file');
  writeFileSync(join(folder, 'mine.jinja'), '{% if %}');
  await expect(rendered(join(folder, 'mine.jinja'))).rejects.toThrow('cannot be read');
});

test('templates that loop over parts are given parts, with tools and arguments of their own', async () => {
  const source =
    '{% for m in messages %}{% for part in m.content %}[{{ part.text }}]{% endfor %}{% endfor %}' +
    '{% if tools %}{{ tools | length }} tools{% endif %}{{ mood }}';
  const { app, engine } = testServer({ model: { chatTemplate: new ChatTemplate(source, {}, 'test') } });
  const tools = [{ type: 'function', function: { name: 'f' } }];
  await ok(app, path, { messages, tools, tool_choice: 'none', chat_template_kwargs: { mood: ' gay' } });
  expect(tokenizer.decode(engine.asks[0]!.promptTokenIds)).toBe('[Hello]1 tools gay');
  await ok(app, path, { messages, tools });
  expect(engine.asks[1]!.params.structure).toBeUndefined();
  await ok(app, path, { messages, tools, tool_choice: 'required' });
  expect(engine.asks[2]!.params.structure).toMatchObject({ type: 'tool_calls' });
});

test('tools that are not to be called need no place in the template', async () => {
  const { app, engine } = testServer();
  await ok(app, path, { messages, tools: [{ type: 'function' }], tool_choice: 'none' });
  expect(tokenizer.decode(engine.asks[0]!.promptTokenIds)).toBe('User: Hello\nAssistant:\n');
});

test('a stand-in has a place for tools, calls and instructions; else it is told what the shipped model is', async () => {
  const standIn = await standInTemplate(shipped);
  expect([standIn.readsTools, standIn.readsParts]).toEqual([true, false]);
  const plain = [...messages, { role: 'assistant', content: 'Hi' }, { role: 'user', content: 'So?' }];
  const shared = { messages: plain, add_generation_prompt: true, tools: null };
  expect(standIn.render(shared)).toBe(template.render(shared));

  const { app, engine } = testServer({ model: { chatTemplate: standIn } });
  const call = (given: string) => ({ type: 'function', function: { name: 'f', arguments: given } });
  const long = [
    { role: 'system', content: 'Be brief.' },
    ...messages,
    { role: 'assistant', tool_calls: [call('{"x": 1}'), call('{}')] },
    { role: 'tool', content: 'yes' },
  ];
  await ok(app, path, { messages: long, tools: [{ type: 'function', function: { name: 'f' } }] });
  expect(tokenizer.decode(engine.asks[0]!.promptTokenIds, { skipSpecialTokens: false })).toBe(
    `<s>System: You may call functions. Each line is one, as JSON:
<tools>
{"type": "function", "function": {"name": "f"}}
</tools>
To call one, write:
<tool_call>
{"name": its name, "arguments": an object}
</tool_call>
System: Be brief.
User: Hello
Assistant:
<tool_call>
{"name": "f", "arguments": {"x": 1}}
</tool_call>
<tool_call>
{"name": "f", "arguments": {}}
</tool_call></s>Tool:
<tool_response>
yes
</tool_response>
Assistant:
`,
  );
});

test('a call that was made is handed to the template with its arguments as an object', async () => {
  const source =
    '{% for m in messages %}{% for call in m.tool_calls or [] %}{{ call.function.arguments | tojson }};{% endfor %}' +
    '{% endfor %}';
  const { app, engine } = testServer({ model: { chatTemplate: new ChatTemplate(source, {}, 'test') } });
  const calls = ['{"a": "b c"}', '', null, { d: [1] }].map((given, i) => ({
    id: `call-${i}`,
    type: 'function',
    function: { name: 'f', arguments: given },
  }));
  const made = (tool_calls: unknown) => ({
    messages: [...messages, { role: 'assistant', content: null, tool_calls }],
  });
  await ok(app, path, made(calls));
  expect(tokenizer.decode(engine.asks[0]!.promptTokenIds)).toBe('{"a": "b c"};{};{};{"d": [1]};');
  // What is none of a call is the template's affair.
  for (const odd of [[5], [null], [{ function: 'f' }], 'none', {}])
    expect([200, 400]).toContain((await post(app, path, made(odd))).status);
  const broken = { type: 'function', function: { name: 'f', arguments: '{"a":' } };
  const error = await refused(app, path, made([broken]));
  expect(error).toMatchObject({ code: 400, param: 'messages', message: expect.stringContaining('{"a":') });
});

const refusals: readonly (readonly [object, string | null, RegExp])[] = [
  [{}, 'messages', /messages: Field required/],
  [{ messages: [] }, 'messages', /messages: /],
  [{ messages: 'Hello' }, 'messages', /messages: /],
  [{ messages: [{ content: 'x' }] }, 'messages.0.role', /Field required/],
  [{ messages: [{ role: 'user', content: 5 }] }, 'messages.0.content', /expected text, or a list of parts/],
  [{ messages, tools: [{ type: 'function' }] }, 'tools', /a tool is/],
  [
    { messages, tools: [{ type: 'function', function: { name: 'f' } }] },
    'tools',
    /no place for tools: start the server with --chat-template/,
  ],
  [{ messages, top_logprobs: 2 }, 'top_logprobs', /must be set to true/],
  [{ messages, logprobs: true, top_logprobs: 30 }, 'top_logprobs', /max allowed: 20/],
  [{ messages, chat_template: '{{ 1 }}' }, 'chat_template', /trusts its own only/],
  [{ messages, response_format: { type: 'json_schema' } }, 'response_format', /json_schema is/],
  [{ messages, max_tokens: 512 }, 'input_tokens', /maximum context length is 512/],
];

test.each(refusals)('%j is refused', async (body, param, message) => {
  const { app, engine } = testServer();
  const error = await refused(app, path, body);
  expect(error).toMatchObject({ param, message: expect.stringMatching(message) });
  expect(engine.asks).toEqual([]);
});

test('at most ten problems are told at once', async () => {
  const { app } = testServer();
  const body = { messages: Array.from({ length: 30 }, () => ({ content: 'x' })) };
  const { message } = await refused(app, path, body);
  expect(message.match(/Field required/g)).toHaveLength(10);
  expect(message).toContain('(and 20 more)');
});
