import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UsageError } from '../../../../src/core/errors.ts';
import { openTrace } from '../../../../src/sim/workload/trace/detect.ts';
import { all, open, pieces, read, realTrace } from './data.ts';

const AZURE = 'arrival_s,input_tokens,output_tokens\n1,2,3\n2,3,4\n4,5,6\n';

test.each([
  ['azure', AZURE],
  ['azure', '\ufeffTIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:15:46,1,1\r\n'],
  ['azure', 'num_prefill_tokens,num_decode_tokens,arrived_at\n1,1,0'],
  ['burstgpt', 'Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n1,M,1,1,2,L'],
  ['mooncake', '{"timestamp": 0, "input_length": 1, "output_length": 1, "hash_ids": [0]}'],
  ['quire', '\n  {"input_tokens":1,"output_tokens":1,"arrival_s":0}'],
  ['quire', '{"i":0,"arrival_ns":5,"input_toks":1,"output_toks":1,"block_ids":[]}'],
  ['vllm-bench', '{\n  "backend": "vllm",\n  "input_lens": [1],\n  "output_lens": [1]\n}'],
])('%s is found by content, in pieces of any size, whatever the file is called', async (format, text) => {
  for (const size of [1, 5, 1e6]) {
    const workload = await openTrace(pieces(text, size), { fileName: 'mooncake.parquet', content: false });
    expect(workload.format).toBe(format);
    expect((await all(workload)).length).toBe(text === AZURE ? 3 : 1);
  }
});

test('an unknown text is an error that shows it and lists what is known', async () => {
  await expect(open('time,in,out\n1,2,3\n', 'what.csv')).rejects.toThrow(
    new UsageError(
      'what.csv: not a trace that Quire knows; it begins "time,in,out\\n1,2,3". Known are: azure (CSV with the columns TIMESTAMP,ContextTokens,GeneratedTokens, or arrival_s,input_tokens,output_tokens, or num_prefill_tokens,num_decode_tokens,arrived_at), burstgpt (CSV with Timestamp,Request tokens,Response tokens), mooncake (JSON lines with timestamp,input_length,output_length,hash_ids), quire (JSON lines with arrival_s,input_tokens,output_tokens), vllm-bench (JSON of vllm bench serve --save-detailed).',
    ),
  );
  await expect(open('{"a": 1}', 'x')).rejects.toThrow(/^x: not a trace that Quire knows; it begins "{/);
});

test('a compressed file says what to do', async () => {
  await expect(open(gzipSync(AZURE), 'a.csv.gz')).rejects.toThrow(
    new UsageError('a.csv.gz: is compressed by gzip; decompress it first'),
  );
});

test.each(['', '\n', ' \r\n\r\n', '\ufeff'])('the empty trace %j holds no requests', async text => {
  await expect(open(text, 'e')).rejects.toThrow(new UsageError('e: the trace holds no requests'));
});

test('a header alone holds no requests', async () => {
  await expect(read('arrival_s,input_tokens,output_tokens\n', 'e')).rejects.toThrow(
    new UsageError('e: the trace holds no requests'),
  );
});

test('limit: the first requests only; what follows is not looked at', async () => {
  const arrivals = await read(`${AZURE}garbage\n`, 'a', { limit: 2 });
  expect(arrivals.map(a => a.arrival)).toEqual([1, 2]);
  expect((await read(AZURE, 'a', { limit: 10 })).length).toBe(3);
  await expect(open(AZURE, 'a', { limit: 0 })).rejects.toThrow(
    new UsageError('limit must be a whole number of at least 1, not 0'),
  );
});

test('timeScale multiplies all times', async () => {
  expect((await read(AZURE, 'a', { timeScale: 0.5 })).map(a => a.arrival)).toEqual([0.5, 1, 2]);
  const quire = '{"arrival_s":4,"input_tokens":1,"output_tokens":1,"abort_at_s":6}';
  expect(await read(quire, 'q', { timeScale: 2 })).toEqual([
    { arrival: 8, promptTokens: 1, outputTokens: [1], abortAt: 12 },
  ]);
  await expect(open(AZURE, 'a', { timeScale: -1 })).rejects.toThrow(
    new UsageError('timeScale must be a number of at least 0, not -1'),
  );
});

test('content: unknown content is nobody else’s', async () => {
  const arrivals = await read(AZURE, 'a', { content: true });
  expect(new Set(arrivals.map(a => a.tokens!.at(0))).size).toBe(3);
  expect((await read(AZURE, 'a')).every(a => !('tokens' in a))).toBe(true);
});

test('a trace given as a function is read as often as one likes, a stream once', async () => {
  const again = await open(AZURE, 'a');
  expect(await all(again)).toEqual(await all(again));
  const once = await openTrace(pieces(AZURE), { fileName: 'a', content: false });
  await all(once);
  expect(() => once.chunks()).toThrow('a: a stream can be read once only');
});

test('whoever stops early closes the file: by a limit, a bad row, an unknown format', async () => {
  const attempt = async (text: string, limit?: number) => {
    let closed = false;
    async function* file() {
      try {
        yield* pieces(text, 10);
        // Longer than any look ahead.
        for (;;) yield new TextEncoder().encode('9,9,9\n'.repeat(1000));
      } finally {
        closed = true;
      }
    }
    try {
      await all(await openTrace(file(), { fileName: 'a', content: false, ...(limit && { limit }) }));
    } catch (error) {
      expect(error).toBeInstanceOf(UsageError);
    }
    return closed;
  };
  expect(await attempt(AZURE, 3)).toBe(true);
  expect(await attempt(`${AZURE}x\n`)).toBe(true);
  expect(await attempt('unknown\n')).toBe(true);
});

test('chunks stay small however large the pieces are', async () => {
  const bytes = realTrace('azure2023_conv.csv');
  const workload = await openTrace(pieces(bytes, bytes.length), { fileName: 'a', content: false });
  let largest = 0;
  for await (const chunk of workload.chunks()) largest = Math.max(largest, chunk.length);
  expect(largest).toBeLessThan(4000);
});

test('no text makes it fail by anything but a UsageError', async () => {
  const start = fc.constantFrom(
    '',
    AZURE,
    '{"arrival_s":0,',
    '{"input_lens":',
    '{"timestamp":0,"input_length":',
  );
  await fc.assert(
    fc.asyncProperty(start, fc.string({ unit: 'binary', maxLength: 60 }), async (beginning, rest) => {
      try {
        expect((await read(beginning + rest, 'fuzz')).length).toBeGreaterThan(0);
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
      }
    }),
    { numRuns: 300 },
  );
});
