import fc from 'fast-check';
import { expect, test } from 'vitest';
import { percentiles } from '../../viz/page/percentiles.ts';

test('percentiles are nearest ranks of what is sorted', () => {
  const values = fc.array(fc.oneof(fc.nat(5), fc.double({ noNaN: true })), { minLength: 1 });
  fc.assert(
    fc.property(values, times => {
      const sorted = Float64Array.from(times).sort();
      const at = (q: number) => sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]! + 0;
      const found = percentiles(Float64Array.from(times));
      expect([found.p50 + 0, found.p90 + 0, found.p99 + 0]).toEqual([at(0.5), at(0.9), at(0.99)]);
    }),
  );
  expect(percentiles(new Float64Array(0)).p50).toBeNaN();
});
