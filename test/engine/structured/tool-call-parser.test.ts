import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseToolCalls, ToolCallParser } from '../../../src/engine/structured/tool-call-parser.ts';

const ids = () => {
  let next = 0;
  return () => `call-${next++}`;
};
const call = (name: string, given: string) =>
  `<tool_call>\n{"name": "${name}", "arguments": ${given}}\n</tool_call>`;
const made = (id: number, name: string, given: string) => ({
  id: `call-${id}`,
  type: 'function',
  function: { name, arguments: given },
});

test.each([
  ['no call', 'hello < there', 'hello < there', []],
  ['nothing', '', '', []],
  ['one call', call('a', '{"x": 1}'), null, [made(0, 'a', '{"x": 1}')]],
  ['text before', `I look.\n${call('a', '{}')}`, 'I look.', [made(0, 'a', '{}')]],
  [
    'two calls',
    `${call('a', '{}')}\n${call('b', '[1, "]"]')}`,
    null,
    [made(0, 'a', '{}'), made(1, 'b', '[1, "]"]')],
  ],
  [
    'braces and tags in strings',
    call('a', '{"x": "}\\" </tool_call>{"}'),
    null,
    [made(0, 'a', '{"x": "}\\" </tool_call>{"}')],
  ],
  ['arguments that are a text', call('a', '"b\\"c"'), null, [made(0, 'a', '"b\\"c"')]],
  ['a number', call('a', '12'), null, [made(0, 'a', '12')]],
  [
    'another order',
    '<tool_call>{"arguments": {"x":1}, "name": "a"}</tool_call>',
    null,
    [made(0, 'a', '{"x":1}')],
  ],
  ['parameters', '<tool_call>{"name": "a", "parameters": {}}</tool_call>', null, [made(0, 'a', '{}')]],
  ['no JSON', '<tool_call>call me</tool_call> x', '<tool_call>call me</tool_call> x', []],
  ['an open tag', 'see <tool_call>{"na', 'see <tool_call>{"na', []],
  ['half a tag', 'a <tool_c', 'a <tool_c', []],
  [
    'cut off in arguments',
    '<tool_call>\n{"name": "a", "arguments": {"x": "y',
    null,
    [made(0, 'a', '{"x": "y')],
  ],
  ['no end tag', '<tool_call>{"arguments": {}, "name": "a"}', null, [made(0, 'a', '{}')]],
])('%s', (_, text, content, toolCalls) => {
  expect(parseToolCalls(text, ids())).toEqual({ content, toolCalls });
});

test('in pieces it is the same as at once', () => {
  const part = fc.constantFrom(
    'text ',
    '\n',
    '<',
    '<tool_call>',
    '</tool_call>',
    call('a', '{"x": [1, {"y": "}"}]}'),
    call('b', '"q"'),
    '{"name": "c"',
    ', "arguments": {}}',
    '<tool_call>{"arguments": 1, "name": "d"}</tool_call>',
    '  ',
  );
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 7 }),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
      (parts, cuts) => {
        const text = parts.join('');
        const parser = new ToolCallParser(ids());
        let content = '';
        const calls: string[] = [];
        const take = ({ content: said, toolCalls }: ReturnType<ToolCallParser['end']>) => {
          content += said;
          for (const { index, function: piece } of toolCalls) {
            calls[index] = (calls[index] ?? `${piece.name} `) + (piece.arguments ?? '');
          }
        };
        for (let at = 0, i = 0; at < text.length; i++) {
          const length = cuts[i % cuts.length]!;
          take(parser.push(text.slice(at, at + length)));
          at += length;
        }
        take(parser.end());
        const whole = parseToolCalls(text, ids());
        expect(calls).toEqual(
          whole.toolCalls.map(({ function: { name, arguments: given } }) => `${name} ${given}`),
        );
        expect(content).toBe(whole.content ?? '');
        expect(parser.calls).toBe(calls.length);
      },
    ),
    { numRuns: 1000 },
  );
});

test('arguments come as they are written', () => {
  const parser = new ToolCallParser(ids());
  expect(parser.push('<tool_call>\n{"name": "a", "arguments": {"ci')).toEqual({
    content: '',
    toolCalls: [
      { index: 0, id: 'call-0', type: 'function', function: { name: 'a', arguments: '' } },
      { index: 0, function: { arguments: '{"ci' } },
    ],
  });
  expect(parser.push('ty": 1}}').toolCalls).toEqual([{ index: 0, function: { arguments: 'ty": 1}' } }]);
  expect(parser.push('\n</tool_call>')).toEqual({ content: '', toolCalls: [] });
});
