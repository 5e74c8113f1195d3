import { expect, test } from 'vitest';
import type { RunResult } from '../../src/sim/results.ts';
import { parseSlo, thresholdValue } from '../../src/sim/slo.ts';

test('limits of a request are milliseconds; bounds on figures are as written', () => {
  expect(parseSlo('ttft:500, tpot:50,e2el:1e4'.replace('1e4', '10000'))).toEqual({
    perRequest: { ttft: 0.5, tpot: 0.05, e2el: 10 },
    thresholds: [],
  });
  expect(parseSlo('p99_ttft_ms<2000,request_throughput > 3.5')).toEqual({
    perRequest: undefined,
    thresholds: [
      { metric: 'p99_ttft_ms', below: true, limit: 2000 },
      { metric: 'request_throughput', below: false, limit: 3.5 },
    ],
  });
  expect(parseSlo('ttft:1,preemptions<1').thresholds).toHaveLength(1);
});

test.each(['ttft', 'ttft:', 'ttft:-5', 'itl:50', 'ttft:500;tpot:50', '', 'p99_ttft_ms=3', 'a<b'])(
  '%j is refused',
  text => {
    expect(() => parseSlo(text)).toThrow(/slo: expected limits such as/);
  },
);

test('a figure that results do not have is named, with those they have', () => {
  const result = { mean_ttft_ms: 12, memory: {} } as unknown as RunResult;
  expect(thresholdValue(result, { metric: 'mean_ttft_ms', below: true, limit: 1 })).toBe(12);
  for (const metric of ['mean_tfft_ms', 'memory']) {
    expect(() => thresholdValue(result, { metric, below: true, limit: 1 })).toThrow(
      /no figure mem?.*mean_ttft_ms/,
    );
  }
});
