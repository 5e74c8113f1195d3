import { expect, test } from 'vitest';
import { UsageError } from '../../../../src/core/errors.ts';
import { all, open, read } from './data.ts';

const RESULT = {
  date: '20260101-000000',
  backend: 'vllm',
  request_throughput: 1.5,
  completed: 3,
  input_lens: [10, 20, 30, 40],
  output_lens: [1, 0, 3, 4],
  start_times: [1000.5, 0, 1002, 1001],
  ttfts: [0.1, 0, 0.1, 0.1],
};

test('requests in the order of sending, failures left out, times from the first', async () => {
  const workload = await open(JSON.stringify(RESULT), 'bench.json');
  expect(workload.format).toBe('vllm-bench');
  expect(await all(workload)).toEqual([
    { arrival: 0, promptTokens: 10, outputTokens: [1] },
    { arrival: 0.5, promptTokens: 40, outputTokens: [4] },
    { arrival: 1.5, promptTokens: 30, outputTokens: [3] },
  ]);
  expect(workload.skipped).toBe(1);
});

test('indented JSON, and results without start times', async () => {
  const { start_times, ...older } = RESULT;
  expect(start_times.length).toBe(4);
  expect((await read(JSON.stringify(older, null, 2), 'b')).map(a => a.arrival)).toEqual([0, 0, 0]);
});

test.each([
  [{ output_lens: [1, 2] }, 'b: "output_lens" has 2 entries and "input_lens" 4; they must be as many'],
  [{ start_times: [1] }, 'b: "start_times" has 1 entries and "input_lens" 4; they must be as many'],
  [
    { output_lens: undefined },
    'b: field "output_lens": expected a list, found nothing; save the benchmark with --save-detailed',
  ],
  [
    { input_lens: [10, 20, 0, 1] },
    'b: line 1, field "input_lens[2]": expected a whole number of at least 1, found "0"',
  ],
  [
    { output_lens: [1, 0, 'x', 1] },
    'b: line 1, field "output_lens[2]": expected a whole number of at least 0, found "x"',
  ],
  [{ start_times: [1, 0, null, 1] }, 'b: line 1, field "start_times[2]": expected a number, found "null"'],
  [{ output_lens: [0, 0, 0, 0] }, 'b: the trace holds no requests'],
])('%j is refused', async (change, message) => {
  await expect(read(JSON.stringify({ ...RESULT, ...change }), 'b')).rejects.toThrow(new UsageError(message));
});

test('a result without details, or cut off, says so', async () => {
  const { input_lens, output_lens, ...summary } = RESULT;
  expect([input_lens.length, output_lens.length]).toEqual([4, 4]);
  await expect(read(JSON.stringify(summary), 'b')).rejects.toThrow(
    new UsageError('b: a result of vllm bench serve without lengths; save it with --save-detailed'),
  );
  await expect(read(JSON.stringify(RESULT).slice(0, -30), 'b')).rejects.toThrow(
    /^b: expected one JSON object, found/,
  );
});
