import { expect, test } from 'vitest';
import { UsageError } from '../../../../src/core/errors.ts';
import { open, read, realTrace } from './data.ts';

test.each([
  ['mooncake_conversation_trace.jsonl', 12_031, 12_035.1, 342.6, 3536.999],
  ['mooncake_synthetic_trace.jsonl', 3993, 15_325.5, 149.1, 1022.025],
])('%s has the rows, means and span that its README tells', async (name, rows, input, output, span) => {
  const all = await read(realTrace(name), name);
  expect(all.length).toBe(rows);
  expect(all.reduce((sum, a) => sum + a.promptTokens, 0) / rows).toBeCloseTo(input, 1);
  expect(all.reduce((sum, a) => sum + a.outputTokens[0]!, 0) / rows).toBeCloseTo(output, 1);
  expect(all.at(-1)!.arrival).toBe(span);
  expect(all[0]!.tokens).toBeUndefined();
});

test('ids are content: the README’s hit rate of an infinite cache comes out of the tokens', async () => {
  const name = 'mooncake_conversation_trace.jsonl';
  const seen = new Set<number>();
  let hits = 0;
  let total = 0;
  for (const { tokens, promptTokens } of await read(realTrace(name), name, { content: true })) {
    let hit = true;
    for (let position = 0; position < promptTokens; position += 512) {
      const token = tokens!.at(position);
      hit &&= seen.has(token);
      seen.add(token);
      total++;
      if (hit) hits++;
    }
  }
  expect(hits / total).toBeCloseTo(0.366, 2);
});

const row = (change: Record<string, unknown> = {}) =>
  JSON.stringify({ timestamp: 1500, input_length: 600, output_length: 2, hash_ids: [4, 5], ...change });

test('milliseconds, and 512 tokens an id; the answer is unique', async () => {
  const [a, b] = await read(`${row()}\n${row({ input_length: 1000 })}`, 'm', { content: true });
  expect([a!.arrival, a!.promptTokens, a!.outputTokens]).toEqual([1.5, 600, [2]]);
  expect(a!.tokens!.at(599)).toBe(b!.tokens!.at(599));
  expect(a!.tokens!.at(600)).not.toBe(b!.tokens!.at(600));
  expect(a!.tokens!.at(0)).not.toBe(a!.tokens!.at(512));
  expect((await open(row(), 'm')).format).toBe('mooncake');
});

test.each([
  [
    row({ timestamp: '1' }),
    ', field "timestamp": expected a number of milliseconds of at least 0, found "1"',
  ],
  [row({ timestamp: 3 }), ', field "timestamp": expected a time not before that of the row above, found "3"'],
  [row({ input_length: 0 }), ', field "input_length": expected a whole number of at least 1, found "0"'],
  [row({ output_length: 0 }), ', field "output_length": expected a whole number of at least 1, found "0"'],
  [
    row({ output_length: undefined }),
    ', field "output_length": expected a whole number of at least 1, found nothing',
  ],
  [
    row({ hash_ids: [1, -1] }),
    ', field "hash_ids": expected a list of whole numbers of at least 0, found "[1,-1]"',
  ],
  [
    row({ hash_ids: null }),
    ', field "hash_ids": expected a list of whole numbers of at least 0, found "null"',
  ],
  ['{"timestamp": 1500,', ': expected a JSON object, found "{\\"timestamp\\": 1500,"'],
  ['[1]', ': expected a JSON object, found "[1]"'],
  ['null', ': expected a JSON object, found "null"'],
])('the row %s is refused', async (bad, message) => {
  await expect(read(`${row()}\n${bad}\n`, 'm.jsonl')).rejects.toThrow(
    new UsageError(`m.jsonl: line 2${message}`),
  );
});
