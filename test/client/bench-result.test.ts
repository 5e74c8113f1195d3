import { describe, expect, test } from 'vitest';
import { benchMetrics, type MetricsOptions } from '../../src/client/bench-metrics.ts';
import { benchResult, withoutDetails } from '../../src/client/bench-result.ts';
import { benchTable } from '../../src/client/bench-table.ts';
import { parseGoodput } from '../../src/client/goodput.ts';
import { readMeasured } from '../../src/sim/calibrate/measured.ts';
import { openTrace } from '../../src/sim/workload/trace/detect.ts';
import { record } from './measure.ts';

const records = [
  record({ startTime: 100, ttft: 0.1, itl: [0.02, 0.04], promptTokens: 10 }),
  record({ startTime: 100.5, ttft: 0.3, itl: [0.06], promptTokens: 20, queueTime: 0.25 }),
  record({ startTime: 101, ttft: 0.2, itl: [], promptTokens: 30 }),
  record({ startTime: 101.1, ttft: 0.2, success: false, outputTokens: 0, latency: 0, error: 'HTTP 500' }),
];
const options: MetricsOptions = {
  metrics: ['ttft', 'tpot', 'itl', 'e2el'],
  percentiles: [50, 99.9],
  goodput: parseGoodput(['ttft:250', 'tpot:30']),
};
const metrics = benchMetrics(records, 2, options);
const setup = {
  date: '20250102-030405',
  backend: 'openai',
  label: undefined,
  model: 'org/model',
  numPrompts: 4,
  metadata: { tp: '1' },
  requestRate: 2,
  burstiness: 1,
  maxConcurrency: 8,
};

describe('the figures', () => {
  test("are by vllm bench serve's definitions", () => {
    expect(metrics).toMatchObject({
      completed: 3,
      failed: 1,
      totalInput: 60,
      totalOutput: 6,
      requestThroughput: 1.5,
      outputThroughput: 3,
      totalTokenThroughput: 33,
      // The first and the one of a single token, whose TPOT is 0; the second's first token is late.
      requestGoodput: 1,
      // Chunks from 100 to 101: three, and two of the second.
      maxOutputTokensPerS: 5,
      maxConcurrentRequests: 1,
    });
    const [ttft, tpot, itl, e2el] = metrics.latencies;
    expect(ttft!.mean).toBeCloseTo(200, 9);
    expect(ttft!.percentiles[0]![1]).toBeCloseTo(200, 9);
    // numpy.percentile([100, 200, 300], 99.9)
    expect(ttft!.percentiles[1]![1]).toBeCloseTo(299.8, 9);
    expect(ttft!.std).toBeCloseTo(81.6496580927726, 9);
    expect(tpot!.mean, 'of those with more than one token: 30 and 60').toBeCloseTo(45, 9);
    expect(itl!.mean, 'pooled: 20, 40, 60').toBeCloseTo(40, 9);
    expect(e2el!.median).toBeCloseTo(200, 9);
  });

  test('count those at once exactly, one that begins as another ends not with it', () => {
    const of = (startTime: number, latency: number) => record({ startTime, ttft: latency });
    const peak = (...list: ReturnType<typeof of>[]) => benchMetrics(list, 1, options).maxConcurrentRequests;
    expect(peak(of(0, 1), of(1, 1), of(1, 3))).toBe(2);
    expect(peak(of(0, 5), of(1, 1), of(1.5, 3), of(4, 9))).toBe(3);
    expect(peak()).toBe(0);
  });

  test('are 0, not NaN, of nothing', () => {
    const none = benchMetrics([record({ startTime: 0, success: false, outputTokens: 0 })], 0, options);
    expect(none).toMatchObject({ completed: 0, failed: 1, requestThroughput: 0, requestGoodput: 0 });
    for (const { mean, median, std, percentiles } of none.latencies)
      expect([mean, median, std, ...percentiles.map(([, value]) => value)]).toEqual([0, 0, 0, 0, 0]);
  });

  test('of goodput name what is no limit', () => {
    expect(() => parseGoodput(['itl:5'])).toThrow(/--goodput: expected limits in ms .* found "itl:5"/);
    expect(() => parseGoodput(['ttft:x'])).toThrow(/--goodput/);
  });
});

test("the table is vllm bench serve's, blank for blank", () => {
  const table = benchTable(metrics, { maxConcurrency: 8, requestRate: 2, duration: 2 });
  expect(table.split('\n')).toEqual([
    '============ Serving Benchmark Result ============',
    'Successful requests:                     3         ',
    'Failed requests:                         1         ',
    'Maximum request concurrency:             8         ',
    'Request rate configured (RPS):           2.00      ',
    'Benchmark duration (s):                  2.00      ',
    'Total input tokens:                      60        ',
    'Total generated tokens:                  6         ',
    'Request throughput (req/s):              1.50      ',
    'Request goodput (req/s):                 1.00      ',
    'Output token throughput (tok/s):         3.00      ',
    'Peak output token throughput (tok/s):    5.00      ',
    'Peak concurrent requests:                1.00      ',
    'Total token throughput (tok/s):          33.00     ',
    '---------------Time to First Token----------------',
    'Mean TTFT (ms):                          200.00    ',
    'Median TTFT (ms):                        200.00    ',
    'P50 TTFT (ms):                           200.00    ',
    'P99.9 TTFT (ms):                         299.80    ',
    '-----Time per Output Token (excl. 1st token)------',
    'Mean TPOT (ms):                          45.00     ',
    'Median TPOT (ms):                        45.00     ',
    'P50 TPOT (ms):                           45.00     ',
    'P99.9 TPOT (ms):                         59.97     ',
    '---------------Inter-token Latency----------------',
    'Mean ITL (ms):                           40.00     ',
    'Median ITL (ms):                         40.00     ',
    'P50 ITL (ms):                            40.00     ',
    'P99.9 ITL (ms):                          59.96     ',
    '----------------End-to-end Latency----------------',
    'Mean E2EL (ms):                          240.00    ',
    'Median E2EL (ms):                        200.00    ',
    'P50 E2EL (ms):                           200.00    ',
    'P99.9 E2EL (ms):                         359.68    ',
    '==================================================',
  ]);
});

describe('the JSON', () => {
  const result = benchResult(setup, metrics, records, 2);

  test("has vllm bench serve's keys", () => {
    const perMetric = (name: string) =>
      ['mean', 'median', 'std', 'p50', 'p99.9'].map(of => `${of}_${name}_ms`);
    expect(Object.keys(result)).toEqual([
      ...['date', 'endpoint_type', 'backend', 'label', 'model_id', 'tokenizer_id', 'num_prompts', 'tp'],
      ...['request_rate', 'burstiness', 'max_concurrency', 'duration', 'completed', 'failed'],
      ...['total_input_tokens', 'total_output_tokens', 'request_throughput', 'request_goodput'],
      ...['output_throughput', 'total_token_throughput', 'input_lens', 'output_lens', 'ttfts', 'itls'],
      ...['latencies', 'start_times', 'queue_times', 'generated_texts', 'errors'],
      ...['max_output_tokens_per_s', 'max_concurrent_requests', 'rtfx'],
      ...['ttft', 'tpot', 'itl', 'e2el'].flatMap(perMetric),
    ]);
    expect(result).toMatchObject({
      request_rate: 2,
      label: null,
      output_lens: [3, 2, 1, 0],
      errors: ['', '', '', 'HTTP 500'],
    });
    const all = benchResult({ ...setup, requestRate: Infinity, burstiness: Infinity }, metrics, records, 2);
    expect(all).toMatchObject({ request_rate: 'inf', burstiness: 'inf' });
    expect(Object.values(withoutDetails(result)).filter(Array.isArray)).toEqual([]);
  });

  /** Twenty like the first: a calibration wants so many. */
  const many = Array.from({ length: 20 }, (_, i) => ({ ...records[0]!, startTime: 50 + i / 4 }));
  const bytes = async function* () {
    yield Buffer.from(JSON.stringify(benchResult(setup, metrics, [...many, records[3]!], 9)));
  };

  test('is what quire calibrate reads', async () => {
    const run = await readMeasured(bytes(), 'bench.json');
    expect(run).toMatchObject({ failed: 1, clientSide: true });
    expect(run.requests).toHaveLength(20);
    expect(run.requests[3]).toEqual({
      arrival: 0.75,
      promptTokens: 10,
      outputTokens: 3,
      ttft: 0.1,
      e2el: expect.closeTo(0.16, 9),
    });
  });

  test('is a trace', async () => {
    const trace = await openTrace(bytes(), { fileName: 'bench.json', content: false });
    expect(trace.format).toBe('vllm-bench');
    const chunks = [];
    for await (const chunk of trace.chunks()) chunks.push(...chunk);
    expect(chunks).toHaveLength(20);
    expect(chunks[2]).toEqual({ arrival: 0.5, promptTokens: 10, outputTokens: [3] });
    expect(trace.skipped).toBe(1);
  });
});
