import { expect, test } from 'vitest';
import { offlineThroughput } from '../../src/validation/vendor/offline.ts';
import { type BenchmarkRow, benchmarkFolder } from './benchmark-folder.ts';

const throughput = (row: BenchmarkRow = {}): BenchmarkRow => ({
  source: 'TensorRT-LLM perf-overview',
  engine: 'TensorRT-LLM',
  version: '0.17',
  isl: 128,
  osl: 32,
  load: 'max-load(50 reqs INF rate)',
  metric: 'output_throughput_total',
  value: 2000,
  ...row,
});
const run = (...rows: BenchmarkRow[]) => offlineThroughput.run({ data: benchmarkFolder(rows) });

test('means of the errors: of all, by release, by model and GPU; nothing is held', async () => {
  const { cases, charts, notes } = await run(
    throughput(),
    throughput({ precision: 'fp8' }),
    throughput({ engine: 'TensorRT-LLM (pytorch)', version: '1.0' }),
  );
  expect(cases.map(({ what, bound }) => [what, bound])).toEqual([
    ['mean absolute error of tokens/s, all (3 rows)', undefined],
    ['mean absolute error of tokens/s, llama-3.1-8b on h100 (3 rows)', undefined],
    ['mean absolute error of tokens/s, trtllm 1.0 (1 rows)', undefined],
    ['mean absolute error of tokens/s, trtllm-cpp 0.17 (2 rows)', undefined],
  ]);
  expect(charts[0]!.series.map(({ name }) => name)).toEqual([
    'trtllm-cpp 0.17',
    'trtllm 1.0',
    'predicted = measured',
  ]);
  const predicted = charts[0]!.series.flatMap(({ published = [] }) => published.map(([, figure]) => figure));
  for (const figure of predicted) expect(figure).toBeGreaterThan(0);
  expect(predicted[1]).not.toBe(predicted[0]);
  expect(notes.filter(note => note.startsWith('among the worst'))).toHaveLength(3);
});

test('how many requests there were is in the row, or in the list of the releases; else the row is left out', async () => {
  const { cases, notes } = await run(
    throughput({ load: 'max-load', isl: 20_000, osl: 2000 }),
    throughput({ load: 'max-load' }),
    throughput({ load: 'batch=64' }),
    throughput({ metric: 'ttft' }),
  );
  expect(cases[0]!.what).toContain('(1 rows)');
  expect(notes.filter(note => note.includes('left out'))).toEqual([
    '1 row left out: load "max-load" does not say how many requests',
    '1 row left out: load "batch=64" does not say how many requests',
    '1 row left out: ttft is not compared',
  ]);
});
