import { expect, test } from 'vitest';
import { UsageError } from '../../../../src/core/errors.ts';
import { all, open, read } from './data.ts';

const NEW = 'Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type';
const OLD = 'Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type';

test('both headers; failures are left out and counted; times count from the first request', async () => {
  const newer = await open(
    `${NEW}\n5,,1.2,ChatGPT,472,0,472,Conversation log\n7,3,1,GPT-4,1,2,3,API log\n9.5,3,1,"GPT-4, turbo",3,4,7,API log\n`,
    'burst.csv',
  );
  expect(newer.format).toBe('burstgpt');
  const expected = [
    { arrival: 0, promptTokens: 1, outputTokens: [2] },
    { arrival: 2.5, promptTokens: 3, outputTokens: [4] },
  ];
  expect(await all(newer)).toEqual(expected);
  expect(newer.skipped).toBe(1);
  expect(await all(newer)).toEqual(expected);
  expect(newer.skipped).toBe(1);
  const older = `${OLD}\n7,GPT-4,1,2,3,API log\n9.5,GPT-4,3,4,7,API log\n`;
  expect(await read(older, 'burst.csv')).toEqual(expected);
});

test.each([
  ['x,M,1,1,2,L', 'column "Timestamp": expected a number of seconds of at least 0, found "x"'],
  ['1,M,1,1,2,L', 'column "Timestamp": expected a time not before that of the row above, found "1"'],
  ['3,M,0,1,2,L', 'column "Request tokens": expected a whole number of at least 1, found "0"'],
  ['3,M,1,-1,2,L', 'column "Response tokens": expected a whole number of at least 0, found "-1"'],
  ['3,M,1', 'column "Response tokens": expected a whole number of at least 0, found nothing'],
])('the row %s is refused', async (row, message) => {
  await expect(read(`${OLD}\n2,M,1,1,2,L\n${row}`, 'b.csv')).rejects.toThrow(
    new UsageError(`b.csv: line 3, ${message}`),
  );
});

test('a trace of nothing but failures holds no requests', async () => {
  await expect(read(`${OLD}\n2,M,1,0,1,L\n`, 'b.csv')).rejects.toThrow(
    new UsageError('b.csv: the trace holds no requests'),
  );
});
