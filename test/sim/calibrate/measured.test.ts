import { expect, test } from 'vitest';
import { UsageError } from '../../../src/core/errors.ts';
import { readMeasured, tpotOf } from '../../../src/sim/calibrate/measured.ts';

const encoder = new TextEncoder();
const read = (text: string) =>
  readMeasured(
    (async function* () {
      yield encoder.encode(text);
    })(),
    'run',
  );
async function refused(text: string): Promise<string> {
  const error = await read(text).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UsageError);
  return (error as UsageError).message;
}

const HEAD = 'request_id,input_toks,output_toks,arrival_s,queued_s,scheduled_s,first_token_s,last_token_s';
const row = (i: number) =>
  `r-${i},${100 + i},11,${i / 2},${i / 2 + 0.01},${i / 2 + 0.01},${i / 2 + 0.2},${i / 2 + 1.2}`;
const csv = (rows = Array.from({ length: 20 }, (_, i) => row(i)), head = HEAD) => [head, ...rows].join('\n');

const column = <T>(of: (i: number) => T, count = 20) => Array.from({ length: count }, (_, i) => of(i));
const bench = (changed: object = {}) =>
  JSON.stringify({
    request_rate: 4,
    input_lens: column(i => 100 + i),
    output_lens: column(() => 3),
    ttfts: column(() => 0.2),
    itls: column(() => [0.01, 0.03]),
    start_times: column(i => 1000 - i),
    ...changed,
  });

test('a CSV of an engine: latencies from the arrival, in order, without those that failed', async () => {
  const rows = [...column(i => row(19 - i)), 'r-x,5,0,1,1,1,,', ''];
  const run = await read(csv(rows));
  expect(run).toMatchObject({ failed: 1, clientSide: false, notes: ['1 failed requests left out'] });
  expect(run.requests.map(request => request.promptTokens)).toEqual(column(i => 100 + i));
  const [second] = run.requests.slice(1);
  expect(second).toMatchObject({ arrival: 0.5, outputTokens: 11 });
  expect(second!.ttft).toBeCloseTo(0.2, 12);
  expect(second!.e2el).toBeCloseTo(1.2, 12);
  expect(tpotOf(second!)).toBeCloseTo(0.1, 12);
});

test('a CSV without arrivals counts from when requests were queued', async () => {
  const head = 'input_toks,output_toks,queued_s,first_token_s,last_token_s';
  const run = await read(
    csv(
      column(i => `10,2,${i},${i + 1},${i + 2}`),
      head,
    ),
  );
  expect(run.requests[3]).toEqual({ arrival: 3, promptTokens: 10, outputTokens: 2, ttft: 1, e2el: 2 });
});

test('vllm bench: times of the client, from the first request sent', async () => {
  const run = await read(bench({ output_lens: column(i => (i === 4 ? 1 : 3)), max_concurrency: 8 }));
  expect(run.clientSide).toBe(true);
  expect(run.notes.join()).toMatch(/kept to 8 requests at once/);
  expect(run.requests[0]).toEqual({
    arrival: 0,
    promptTokens: 119,
    outputTokens: 3,
    ttft: 0.2,
    e2el: expect.closeTo(0.24, 12),
  });
  expect(tpotOf(run.requests[0]!)).toBeCloseTo(0.02, 12);
  expect(tpotOf(run.requests[15]!)).toBeUndefined();
});

test('vllm bench before start_times: all at once, or nobody knows when', async () => {
  const run = await read(bench({ start_times: undefined, request_rate: 'inf' }));
  expect(run.requests.every(request => request.arrival === 0)).toBe(true);
  expect(await refused(bench({ start_times: undefined }))).toMatch(/no "start_times".*newer vLLM/);
  const limited = bench({ start_times: undefined, request_rate: 'inf', max_concurrency: 4 });
  expect(await refused(limited)).toMatch(/no "start_times"/);
});

test('files that are something else are refused', async () => {
  expect(await refused('')).toMatch(/is empty; expected the JSON of vllm bench/);
  expect(await refused('a,b\n1,2')).toMatch(/not a measured run/);
  expect(await refused('{"a": ')).toMatch(/expected one JSON object/);
  expect(await refused('{"request_throughput": 3}')).toMatch(/"input_lens": .*--save-detailed/);
  expect(await refused(bench({ itls: undefined }))).toMatch(/"itls": .*--save-detailed/);
  expect(await refused(bench({ ttfts: [0.1] }))).toMatch(/"ttfts" has 1 entries and "input_lens" 20/);
  expect(await refused('input_toks,output_toks\n1,2')).toMatch(/no column arrival_s or queued_s/);
});

test('values that cannot be are named with their place', async () => {
  const at = (i: number, cells: string) => csv(column(k => (k === i ? cells : row(k))));
  expect(await refused(at(2, 'r,5,7,1,1,1,0.5,2'))).toMatch(
    /line 4, column "first_token_s": .*after arrival_s/,
  );
  expect(await refused(at(2, 'r,5,7,1,1,1,1.5,1.2'))).toMatch(/"last_token_s": .*not before first_token_s/);
  expect(await refused(at(0, 'r,5,7,-1,1,1,1.5,2'))).toMatch(/"arrival_s": .*at least 0/);
  expect(await refused(at(0, 'r,5,7,NaN,1,1,1.5,2'))).toMatch(/"arrival_s"/);
  expect(await refused(at(0, 'r,,7,0,1,1,1.5,2'))).toMatch(/"input_toks": expected a whole number/);
  expect(await refused(bench({ ttfts: column(i => (i === 3 ? 0 : 0.2)) }))).toMatch(/"ttfts\[3\]".*above 0/);
  expect(await refused(bench({ ttfts: column(i => (i === 3 ? null : 0.2)) }))).toMatch(/"ttfts\[3\]"/);
  expect(await refused(bench({ itls: column(i => (i === 3 ? [0.1, -1] : [0.1])) }))).toMatch(
    /"itls\[3\]\[1\]"/,
  );
});

test('too little to calibrate with is said', async () => {
  expect(await refused(csv(column(row, 19)))).toMatch(/19 requests were served; at least 20/);
  expect(await refused(bench({ output_lens: column(() => 0) }))).toMatch(/all 20 requests failed/);
  expect(await refused(bench({ itls: column(() => []) }))).toMatch(
    /no request took time after its first token/,
  );
});
