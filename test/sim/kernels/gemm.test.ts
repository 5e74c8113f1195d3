import fc from 'fast-check';
import { expect, test } from 'vitest';
import { findGpu } from '../../../src/sim/hardware/catalogue.ts';
import { lastNotAbove } from '../../../src/sim/kernels/axis.ts';
import { GemmCurve } from '../../../src/sim/kernels/gemm-curve.ts';
import { gemmRoofline } from '../../../src/sim/kernels/gemm-roofline.ts';
import { GemmTable } from '../../../src/sim/kernels/gemm-table.ts';

const gpu = findGpu('h100')!;
const roofline = gemmRoofline(gpu, 'bfloat16');
const SMS = 132;

const ascending = fc
  .uniqueArray(fc.integer({ min: 1, max: 20_000 }), { minLength: 3, maxLength: 40 })
  .map(values => Float64Array.from(values).sort());
const curves = ascending.chain(m =>
  fc.record({
    m: fc.constant(m),
    // Never falling.
    seconds: fc
      .array(fc.double({ min: 1e-7, max: 1e-4, noNaN: true }), { minLength: m.length, maxLength: m.length })
      .map(steps => {
        let sum = 3e-6;
        return Float64Array.from(steps, step => (sum += step));
      }),
    n: fc.integer({ min: 32, max: 65_536 }),
    k: fc.integer({ min: 32, max: 65_536 }),
  }),
);
const curveOf = ({ m, seconds, n, k }: { m: Float64Array; seconds: Float64Array; n: number; k: number }) =>
  new GemmCurve(m, seconds, { n, k }, SMS, roofline);

test('a bracket is found as by looking at every value', () => {
  fc.assert(
    fc.property(ascending, fc.integer({ min: 0, max: 21_000 }), (axis, x) => {
      expect(lastNotAbove(axis, x)).toBe(axis.filter(value => value <= x).length - 1);
    }),
  );
});

test('a measured product is its row', () => {
  fc.assert(
    fc.property(curves, points => {
      const curve = curveOf(points);
      for (const [i, m] of points.m.entries()) {
        expect(curve.read(m)).toEqual({ seconds: points.seconds[i], tier: 'measured' });
      }
    }),
  );
});

test('between rows that never fall, the time lies between those that are its neighbours', () => {
  fc.assert(
    fc.property(curves, fc.integer({ min: 1, max: 20_000 }), (points, m) => {
      const { m: axis, seconds } = points;
      fc.pre(m > axis[0]! && m < axis.at(-1)! && !axis.includes(m));
      const time = curveOf(points).read(m);
      expect(time.tier).toBe('interpolated');
      const isLike = (other: number) => (other % 4 === 0) === (m % 4 === 0);
      const near = (which: (i: number) => boolean) => [...axis.keys()].filter(which);
      const below = near(i => axis[i]! < m);
      const above = near(i => axis[i]! > m);
      const lowest = Math.min(
        seconds[below.at(-1)!]!,
        seconds[below.findLast(i => isLike(axis[i]!)) ?? below.at(-1)!]!,
      );
      const highest = Math.max(seconds[above[0]!]!, seconds[above.find(i => isLike(axis[i]!)) ?? above[0]!]!);
      expect(time.seconds).toBeGreaterThanOrEqual(lowest * (1 - 1e-12));
      expect(time.seconds).toBeLessThanOrEqual(highest * (1 + 1e-12));
    }),
  );
});

test('beyond its rows a curve keeps its distance from the roofline', () => {
  fc.assert(
    fc.property(curves, fc.integer({ min: 20_001, max: 1_000_000 }), (points, m) => {
      const { m: axis, seconds, n, k } = points;
      const { seconds: time, tier } = curveOf(points).read(m);
      expect(tier).toBe('extrapolated');
      expect(time / roofline(m, n, k)).toBeCloseTo(seconds.at(-1)! / roofline(axis.at(-1)!, n, k), 9);
    }),
  );
});

test('steps of a wave are told from a slope', () => {
  // One wave of 128 × 256 tiles computes 128 · 132 / 16 = 1056 rows of 4096 columns.
  const n = 4096;
  const wave = 40e-6;
  const tiles = (m: number) => Math.ceil(m / 128) * (n / 256);
  const time = (m: number) => 5e-6 + wave * Math.ceil(tiles(m) / SMS);
  const m = Float64Array.of(64, 512, 1024, 1280, 2048, 2304, 3072, 3328, 4096, 4352, 8192);
  const curve = new GemmCurve(m, m.map(time), { n, k: 4096 }, SMS, roofline);
  // A straight line between 2304 and 3072 would have 115 µs.
  expect(time(2900)).toBeCloseTo(125e-6, 9);
  expect(curve.read(2900).seconds).toBeGreaterThan(122e-6);
});

test('rows that are not aligned are read from their like, where that tells', () => {
  const m = Float64Array.of(16, 17, 32, 33, 64, 65, 128, 129, 256, 257);
  const curve = new GemmCurve(
    m,
    m.map(rows => (rows % 4 === 0 ? 180e-6 : 235e-6)),
    { n: 4096, k: 4096 },
    SMS,
    roofline,
  );
  expect(curve.read(96).seconds).toBeCloseTo(180e-6, 12);
  expect(curve.read(97).seconds).toBeCloseTo(235e-6, 12);
});

test('an unmeasured weight matrix borrows from its neighbours', () => {
  const sides = [1024, 2048, 4096, 8192];
  const rows = [1, 8, 64, 512, 4096];
  const slower = 1.3;
  const points = sides.flatMap(n =>
    sides.flatMap(k => rows.map(m => [m, n, k, roofline(m, n, k) * slower] as const)),
  );
  const table = new GemmTable('bfloat16', points, gpu, SMS);
  const inside = table.read(64, 3000, 6000);
  expect(inside.tier).toBe('interpolated');
  expect(inside.seconds / roofline(64, 3000, 6000)).toBeCloseTo(slower, 6);
  const far = table.read(64, 400_000, 1024);
  expect(far.tier).toBe('extrapolated');
  expect(far.seconds / roofline(64, 400_000, 1024)).toBeCloseTo(slower, 6);
  const own = table.curves.find(curve => curve.n === 2048 && curve.k === 4096)!;
  expect(table.without(own)(8).seconds / own.read(8).seconds).toBeCloseTo(1, 6);
});

test('a row measured twice counts as its mean', () => {
  const table = new GemmTable(
    'bfloat16',
    [
      [8, 64, 64, 2e-6],
      [8, 64, 64, 4e-6],
    ],
    gpu,
    SMS,
  );
  expect(table.read(8, 64, 64)).toEqual({ seconds: 3e-6, tier: 'measured' });
});
