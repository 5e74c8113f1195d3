import { expect, test } from 'vitest';
import { UsageError } from '../../../../src/core/errors.ts';
import { cpuSeconds } from '../../../support/cpu.ts';
import { open, read, realTrace } from './data.ts';

const HEADER = 'arrival_s,input_tokens,output_tokens';

test.each([
  ['azure2023_conv.csv', 19_366, 1154.7, 211.1, 3501.7219],
  ['azure2023_code.csv', 8819, 2047.8, 27.9, 3435.9481],
  ['vidur_arxiv_summarization_lengths.csv', 28_257, 2588.1, 291.4, 0],
])('%s has the rows, means and span that its README tells', async (name, rows, input, output, span) => {
  const all = await read(realTrace(name), name);
  expect(all.length).toBe(rows);
  expect(all.reduce((sum, a) => sum + a.promptTokens, 0) / rows).toBeCloseTo(input, 1);
  expect(all.reduce((sum, a) => sum + a.outputTokens[0]!, 0) / rows).toBeCloseTo(output, 1);
  expect(all.at(-1)!.arrival).toBe(span);
});

test('reading the conversation trace takes little time', async () => {
  const bytes = realTrace('azure2023_conv.csv');
  await read(bytes, 'warm-up');
  // 15 ms on the machine this was written on; loose, as others are slower.
  expect(await cpuSeconds(() => read(bytes, 'azure'))).toBeLessThan(0.3);
});

test('calendar times count from the first row', async () => {
  const rows = [
    'TIMESTAMP,ContextTokens,GeneratedTokens',
    '2023-11-16 18:15:46.6805900,374,44',
    '2023-11-16 18:15:50.9951690,396,109',
    '2023-11-17 00:00:00,879,55',
    '2024-03-01 00:00:00.5000000,91,16',
  ];
  const all = await read(rows.join('\r\n'), 'azure.csv');
  expect(all.map(a => a.promptTokens)).toEqual([374, 396, 879, 91]);
  expect(all.map(a => a.outputTokens)).toEqual([[44], [109], [55], [16]]);
  const expected = rows.slice(1).map(row => {
    const [date, clock] = row.split(',')[0]!.split(' ');
    return Date.parse(`${date}T${clock!.slice(0, 8)}Z`) / 1000 + Number(`0${clock!.slice(8)}`);
  });
  all.forEach((a, i) => {
    expect(a.arrival).toBeCloseTo(expected[i]! - expected[0]!, 6);
  });
  expect(all[1]!.arrival).toBeCloseTo(4.314579, 9);
});

test('calendar times may say their zone', async () => {
  const text = [
    'TIMESTAMP,ContextTokens,GeneratedTokens',
    '2024-05-10 00:00:00.009930+00:00,1,1',
    '2024-05-10 02:00:01.009930+02:00,1,1',
    '2024-05-09T19:30:02.009930-0430,1,1',
    '2024-05-10 00:00:03.009930Z,1,1',
  ].join('\n');
  const all = await read(text, 'azure.csv');
  all.forEach((a, i) => {
    expect(a.arrival).toBeCloseTo(i, 9);
  });
});

test('every day of the calendar is one after the one before', async () => {
  const days = Array.from({ length: 1600 }, (_, i) =>
    new Date(Date.UTC(2023, 0, 1 + i)).toISOString().slice(0, 10),
  );
  const text = ['TIMESTAMP,ContextTokens,GeneratedTokens', ...days.map(day => `${day} 12:00:00,1,1`)].join(
    '\n',
  );
  expect((await read(text, 'days')).map(a => a.arrival)).toEqual(days.map((_, i) => i * 86_400));
});

test('other dialects: without times, Vidur’s, more columns, another order, quotes, blank lines', async () => {
  expect(await read('input_tokens,output_tokens\n3,4\n5,6\n', 'x')).toEqual([
    { arrival: 0, promptTokens: 3, outputTokens: [4] },
    { arrival: 0, promptTokens: 5, outputTokens: [6] },
  ]);
  const vidur = ',num_prefill_tokens,num_decode_tokens,total,arrived_at\n0,3,4,7,0.5\n\n1,5,6,11,0.75\n';
  expect(await read(vidur, 'x')).toEqual([
    { arrival: 0.5, promptTokens: 3, outputTokens: [4] },
    { arrival: 0.75, promptTokens: 5, outputTokens: [6] },
  ]);
  expect(await read('\n"output_tokens", input_tokens,"arrival_s"\n"1","2","3"', 'x')).toEqual([
    { arrival: 3, promptTokens: 2, outputTokens: [1] },
  ]);
  expect((await open(`${HEADER}\n0,1,1`, 'x')).format).toBe('azure');
});

test.each([
  ['1,1,abc', 'column "output_tokens": expected a whole number of at least 1, found "abc"'],
  ['1,1,0', 'column "output_tokens": expected a whole number of at least 1, found "0"'],
  ['1,0,1', 'column "input_tokens": expected a whole number of at least 1, found "0"'],
  ['1,-3,1', 'column "input_tokens": expected a whole number of at least 1, found "-3"'],
  ['1,1.5,1', 'column "input_tokens": expected a whole number of at least 1, found "1.5"'],
  ['1,,1', 'column "input_tokens": expected a whole number of at least 1, found ""'],
  ['1,0x10,1', 'column "input_tokens": expected a whole number of at least 1, found "0x10"'],
  ['1,NaN,1', 'column "input_tokens": expected a whole number of at least 1, found "NaN"'],
  ['1,1', 'column "output_tokens": expected a whole number of at least 1, found nothing'],
  [
    '1,1,3000000000',
    'column "output_tokens": expected a whole number of at most 2147483647, found "3000000000"',
  ],
  ['x,1,1', 'column "arrival_s": expected a number of seconds of at least 0, found "x"'],
  ['-1,1,1', 'column "arrival_s": expected a number of seconds of at least 0, found "-1"'],
  ['Infinity,1,1', 'column "arrival_s": expected a number of seconds of at least 0, found "Infinity"'],
  ['0.25,1,1', 'column "arrival_s": expected a time not before that of the row above, found "0.25"'],
])('the row %s is refused', async (row, message) => {
  const text = `${HEADER}\n0,1,1\n\n0.5,2,2\n${row}\n`;
  await expect(read(text, 'azure.csv')).rejects.toThrow(new UsageError(`azure.csv: line 5, ${message}`));
});

test.each(['yesterday', '2023-13-01 00:00:00', '2023-01-01 24:00:00', '2023-01-01', ''])(
  'the calendar time "%s" is refused',
  async time => {
    await expect(read(`TIMESTAMP,ContextTokens,GeneratedTokens\n${time},1,1`, 'a')).rejects.toThrow(
      new UsageError(
        `a: line 2, column "TIMESTAMP": expected a time like "2023-11-16 18:15:46.6805900", found "${time}"`,
      ),
    );
  },
);
