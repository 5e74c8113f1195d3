import { expect, test } from 'vitest';
import { UsageError } from '../../../src/core/errors.ts';
import { structureFrom } from '../../../src/engine/structured/from-request.ts';
import { parseToolCalls } from '../../../src/engine/structured/tool-call-parser.ts';
import { toolsFrom } from '../../../src/engine/structured/tools-from-request.ts';
import { acceptsText, generate } from './generate.ts';

test.each([
  [{}, undefined],
  [{ response_format: null, structured_outputs: null }, undefined],
  [{ response_format: { type: 'text' } }, undefined],
  [{ response_format: { type: 'json_object' } }, { type: 'json_object' }],
  [
    {
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'a', schema: { type: 'null' }, strict: true },
      },
    },
    { type: 'json_schema', schema: '{"type":"null"}' },
  ],
  [
    { structured_outputs: { json: '{"type":"null"}' } },
    { type: 'json_schema', schema: '{"type":"null"}', compact: false },
  ],
  [
    { structured_outputs: { json: { type: 'null' }, disable_any_whitespace: true } },
    { type: 'json_schema', schema: '{"type":"null"}', compact: true },
  ],
  [{ structured_outputs: { regex: 'a+', json: null } }, { type: 'regex', pattern: 'a+' }],
  [{ structured_outputs: { choice: ['a', 'b'] } }, { type: 'choice', choices: ['a', 'b'] }],
  [{ structured_outputs: { grammar: 'root ::= "a"' } }, { type: 'grammar', grammar: 'root ::= "a"' }],
  [{ structured_outputs: { json_object: true } }, { type: 'json_object', compact: false }],
])('%j comes to %j', (fields, expected) => {
  expect(structureFrom(fields)).toEqual(expected);
});

test.each([
  [{ response_format: 'json' }, /response_format is "json"/],
  [{ response_format: { type: 'xml' } }, /must be "text", "json_object" or "json_schema"/],
  [{ response_format: { type: 'json_schema' } }, /response_format.json_schema is/],
  [{ response_format: { type: 'json_schema', json_schema: {} } }, /json_schema.schema/],
  [{ structured_outputs: {} }, /has none of them/],
  [{ structured_outputs: { regex: 'a', choice: ['b'] } }, /regex and choice/],
  [{ structured_outputs: { regex: 3 } }, /must be a text/],
  [{ structured_outputs: { choice: 'a' } }, /a list of texts/],
  [{ structured_outputs: { json: {}, whitespace_pattern: ' ' } }, /whitespace_pattern/],
  [{ structured_outputs: { structural_tag: '{}' } }, /structural_tag is not supported/],
  [{ response_format: { type: 'json_object' }, structured_outputs: { regex: 'a' } }, /send one of them/],
])('%j is refused with a reason', (fields, why) => {
  expect(() => structureFrom(fields)).toThrow(UsageError);
  expect(() => structureFrom(fields)).toThrow(why);
});

const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    parameters: {
      properties: {
        city: { type: 'string', maxLength: 5 },
        days: { type: 'integer', minimum: 1, maximum: 9 },
      },
      required: ['city'],
    },
  },
};
const clock = { type: 'function', function: { name: 'clock' } };
const tools = [weather, clock];

test('tools: none are only shown, auto parses, required and named are enforced', () => {
  expect(toolsFrom({})).toEqual({ tools: undefined, parse: false, structure: undefined });
  expect(toolsFrom({ tools, tool_choice: 'none' })).toEqual({ tools, parse: false, structure: undefined });
  expect(toolsFrom({ tools })).toEqual({ tools, parse: true, structure: undefined });
  const required = toolsFrom({ tools, tool_choice: 'required' });
  expect(required.structure).toMatchObject({ type: 'tool_calls', most: 16 });
  expect(toolsFrom({ tools, tool_choice: 'required', parallel_tool_calls: false }).structure).toMatchObject({
    most: 1,
  });
  const named = toolsFrom({ tools, tool_choice: { type: 'function', function: { name: 'clock' } } });
  expect(named.structure).toEqual({
    type: 'tool_calls',
    tools: [{ name: 'clock', parameters: '{"type":"object","properties":{}}' }],
    most: 1,
  });
});

test.each([
  [{ tool_choice: 'auto' }, 'When using `tool_choice`, `tools` must be set.'],
  [{ tools: 'weather' }, 'must be a list'],
  [{ tools: [{ type: 'function' }] }, 'a tool is {"type": "function"'],
  [{ tools, tool_choice: 'always' }, 'tool_choice is "always"'],
  [
    { tools, tool_choice: { type: 'function', function: { name: 'x' } } },
    'does not match any of the specified `tools`',
  ],
  [{ tools: Array.from({ length: 200 }, () => clock) }, 'more than 128'],
])('%j is refused with a reason', (fields, why) => {
  expect(() => toolsFrom(fields)).toThrow(UsageError);
  expect(() => toolsFrom(fields)).toThrow(why);
});

test('required calls are calls of the tools, with arguments that fit', () => {
  const { structure } = toolsFrom({ tools, tool_choice: 'required' });
  expect(acceptsText(structure!, '<tool_call>\n{"name": "clock", "arguments": {}}\n</tool_call>')).toBe(true);
  let ended = 0;
  const called = new Set<string>();
  for (let seed = 0; seed < 60; seed++) {
    const output = generate(structure!, seed, 900);
    expect(output.broken).toBeUndefined();
    if (!output.ended) continue;
    ended++;
    const { content, toolCalls } = parseToolCalls(output.text, () => 'id');
    expect(content).toBeNull();
    expect(toolCalls.length).toBeGreaterThan(0);
    for (const call of toolCalls) {
      called.add(call.function.name);
      const given = JSON.parse(call.function.arguments);
      if (call.function.name === 'get_weather') expect(typeof given.city).toBe('string');
      else expect(given).toEqual({});
    }
  }
  expect(ended).toBeGreaterThan(30);
  expect([...called].sort()).toEqual(['clock', 'get_weather']);
});
