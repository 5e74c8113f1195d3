import OpenAI, { APIError } from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EngineArgs } from '../../src/engine/engine-args.ts';
import { LocalEngine } from '../../src/engine/local-engine.ts';
import { createApp } from '../../src/server/app.ts';
import { ChatTemplate } from '../../src/server/chat-template.ts';
import { ModelList } from '../../src/server/model-list.ts';
import { NodeServer } from '../../src/server/node-server.ts';
import { defaultOptions } from '../../src/server/options.ts';
import { servedModel, shipped } from './serving.ts';

const body = { model: 'stories', seed: 5, messages: [{ role: 'user' as const, content: 'A fox?' }] };
const tools: OpenAI.ChatCompletionTool[] = [
  {
    type: 'function',
    function: {
      name: 'find_fox',
      parameters: {
        type: 'object',
        properties: { color: { enum: ['red', 'white'] }, age: { type: 'integer', minimum: 0, maximum: 9 } },
        required: ['color', 'age'],
      },
    },
  },
];

/** The model that ships, on the CPU, and a model that is only priced, with its tokens. */
const backends: readonly EngineArgs[] = [
  { backend: 'reference', model: shipped },
  {
    backend: 'simulated',
    config: { model: 'llama-2-7b', gpu: 'a100-80g' },
    tokenizer: shipped,
    timeScale: 0.01,
  },
];

/** With a template that reads tools: the official client asks for structures. */
describe.each(backends)('$backend', args => {
  let engine: LocalEngine;
  let server: NodeServer;
  let client: OpenAI;

  beforeAll(async () => {
    engine = await LocalEngine.load(args);
    const chatTemplate = new ChatTemplate(
      '{% if tools %}{% for tool in tools %}{{ tool.function.name }} {% endfor %}{% endif %}{{ messages[0].content }}\n',
      {},
      'here',
    );
    const models = new ModelList([servedModel(engine, { chatTemplate })]);
    server = await NodeServer.listen(createApp({ models, options: defaultOptions }), {
      host: '127.0.0.1',
      port: 0,
    });
    client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 });
  });

  afterAll(async () => {
    await server.close(0);
    await engine.close();
  });

  test('response_format: the message is JSON of the schema', async () => {
    const schema = {
      type: 'object',
      properties: { name: { type: 'string', maxLength: 9 }, brave: { type: 'boolean' } },
      required: ['name', 'brave'],
      additionalProperties: false,
    };
    const { choices } = await client.chat.completions.create({
      ...body,
      n: 3,
      response_format: { type: 'json_schema', json_schema: { name: 'fox', schema, strict: true } },
    });
    expect(choices.length).toBe(3);
    for (const { message, finish_reason } of choices) {
      expect(finish_reason).toBe('stop');
      expect(JSON.parse(message.content!)).toEqual({ name: expect.any(String), brave: expect.any(Boolean) });
    }
  });

  test('structured_outputs: a choice, a regular expression', async () => {
    const ask = async (structured_outputs: object) => {
      const asked = { model: 'stories', prompt: 'Is it a fox?', max_tokens: 40, seed: 2, structured_outputs };
      return (await client.completions.create(asked)).choices[0]!;
    };
    expect(['yes', 'no']).toContain((await ask({ choice: ['yes', 'no'] })).text);
    expect((await ask({ regex: '[a-f]{3,6}-\\d' })).text).toMatch(/^[a-f]{3,6}-\d$/);
  });

  test.each(['required', { type: 'function', function: { name: 'find_fox' } }] as const)(
    'tool_choice %j: a call with arguments that fit, whole and streamed the same',
    async tool_choice => {
      const asked = { ...body, tools, tool_choice, parallel_tool_calls: false };
      const whole = await client.chat.completions.create(asked);
      const [choice] = whole.choices;
      expect(choice!.finish_reason).toBe('tool_calls');
      expect(choice!.message.content).toBeNull();
      const [call] = choice!.message.tool_calls as [OpenAI.ChatCompletionMessageFunctionToolCall];
      expect(call.id).toMatch(/^chatcmpl-tool-[\da-f]{32}$/);
      expect(call.function.name).toBe('find_fox');
      const given = JSON.parse(call.function.arguments);
      expect(['red', 'white']).toContain(given.color);
      expect(given.age).toBeLessThanOrEqual(9);
      const final = await client.chat.completions.stream(asked).finalChatCompletion();
      const [streamed] = final.choices[0]!.message.tool_calls as [
        OpenAI.ChatCompletionMessageFunctionToolCall,
      ];
      expect(streamed.function.arguments).toBe(call.function.arguments);
      expect(final.choices[0]!.finish_reason).toBe('tool_calls');
    },
  );

  test('tool_choice auto: a model that calls nothing is heard as ever', async () => {
    const { choices } = await client.chat.completions.create({ ...body, max_tokens: 8, tools });
    expect(choices[0]).toMatchObject({ finish_reason: 'length', message: { tool_calls: [] } });
    expect(choices[0]!.message.content).toMatch(/\w/);
  });

  const deep = JSON.parse(`${'['.repeat(2000)}${']'.repeat(2000)}`);
  const cyclic = { $ref: '#' };
  test.each<readonly [param: string, why: RegExp, fields: object]>([
    ['response_format', /must be "text"/, { response_format: { type: 'xml' } }],
    ['response_format', /always contains itself/, { response_format: jsonSchema(cyclic) }],
    ['response_format', /nested deeper/, { response_format: jsonSchema({ const: deep }) }],
    ['structured_outputs', /lookahead/, { structured_outputs: { regex: '(?=a)' } }],
    ['structured_outputs', /more than 100000/, { structured_outputs: { regex: 'a{1,999999}' } }],
    ['structured_outputs', /too large/, { structured_outputs: { regex: 'a?'.repeat(8000) } }],
    ['structured_outputs', /not supported/, { structured_outputs: { json: { not: {} } } }],
    [
      'structured_outputs',
      /nested deeper/,
      { structured_outputs: { json: `{"const":${'['.repeat(9000)}${']'.repeat(9000)}}` } },
    ],
    [
      'structured_outputs',
      /send one of them/,
      { structured_outputs: { regex: 'a' }, response_format: { type: 'json_object' } },
    ],
    ['tools', /not supported/, { tools: [toolOf({ not: {} })], tool_choice: 'required' }],
    ['tools', /nested deeper/, { tools: [toolOf({ default: deep })] }],
    ['tools', /more than 128/, { tools: Array(129).fill(tools[0]) }],
    ['tool_choice', /does not match/, { tools, tool_choice: { type: 'function', function: { name: 'x' } } }],
    [
      'response_format',
      /no place for response_format/,
      { tools, tool_choice: 'required', response_format: { type: 'json_object' } },
    ],
  ])('400 that names %s, and says %s', async (param, why, fields) => {
    const failed = client.chat.completions.create({ ...body, ...fields });
    const error = await failed.then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ status: 400, param });
    expect((error as APIError).message).toMatch(why);
  });
});

function jsonSchema(schema: object): object {
  return { type: 'json_schema', json_schema: { name: 'x', schema } };
}

function toolOf(parameters: object): object {
  return { type: 'function', function: { name: 'x', parameters } };
}
