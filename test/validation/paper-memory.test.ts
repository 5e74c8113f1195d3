import { expect, test } from 'vitest';
import { isCrossed } from '../../src/validation/case.ts';
import { paperMemory } from '../../src/validation/paper/memory.ts';
import { paperVllm } from '../../src/validation/paper/setup.ts';
import { runWindow } from '../../src/validation/paper/window.ts';

test('Fig. 2 and Fig. 13 of the vLLM paper, within their bounds', { timeout: 120_000 }, async () => {
  const told: number[] = [];
  const { cases, charts } = await paperMemory.run({ progress: done => told.push(done) });
  for (const figure of cases) expect(isCrossed(figure), JSON.stringify(figure)).toBe(false);
  // Four parts of three bars and one of vLLM's; four systems on two data sets.
  expect(cases).toHaveLength(13 + 8);
  expect(cases.every(({ bound }) => bound !== undefined)).toBe(true);
  expect(charts.map(({ kind }) => kind)).toEqual(['stack', 'bars', 'bars']);
  // Each bar of Fig. 2 is the whole memory.
  for (const i of [0, 1, 2, 3]) {
    expect(charts[0]!.series.reduce((sum, { points }) => sum + points[i]![1], 0)).toBeCloseTo(100, 6);
  }
  expect(told).toEqual(told.toSorted((a, b) => a - b));
});

test('a window counts what began in it, and a run without an end serves everybody', () => {
  const config = { workload: 'fixed', input_len: 20, output_len: 10, request_rate: 5, seed: 1 } as const;
  const whole = runWindow(paperVllm, config, { duration: 20, from: 0, to: Number.POSITIVE_INFINITY });
  expect(whole.completed).toBe(100);
  const late = runWindow(paperVllm, config, { duration: 20, from: 10, to: Number.POSITIVE_INFINITY });
  expect(late.iterations).toBeGreaterThan(0);
  expect(late.iterations).toBeLessThan(whole.iterations);
  // Arrivals after its end are no longer served.
  const cut = runWindow(paperVllm, config, { duration: 20, from: 0, to: 10 });
  expect(cut.completed).toBeLessThan(60);
  // Ten iterations a request, most of them in company.
  expect(whole.batch).toBeCloseTo((100 * 10) / whole.iterations, 9);
  expect(whole.sharing).toBe(1);
});

test('all samples of a request are equally long, and share its prompt', () => {
  // So few that no two meet.
  const config = { workload: 'alpaca', request_rate: 0.02, seed: 1 } as const;
  const span = { duration: 500, from: 0, to: Number.POSITIVE_INFINITY };
  const one = runWindow(paperVllm, config, span);
  expect(one.batch).toBe(1);
  expect(one.sharing).toBe(1);
  const four = runWindow(paperVllm, { ...config, n: 4 }, span);
  // Were they not, the longest of four would take more iterations than the one.
  expect(four.iterations).toBe(one.iterations);
  expect(four.sharing).toBeGreaterThan(1.02);
  expect(four.sharing).toBeLessThan(4);
});
