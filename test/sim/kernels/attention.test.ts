import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UsageError } from '../../../src/core/errors.ts';
import { readCsvRows } from '../../../src/sim/kernels/csv-rows.ts';
import { DecodeTable } from '../../../src/sim/kernels/decode-table.ts';
import type { AttentionShape } from '../../../src/sim/kernels/kernel-tables.ts';
import { Plane } from '../../../src/sim/kernels/plane.ts';
import { PrefillTable } from '../../../src/sim/kernels/prefill-table.ts';
import { encode } from './folder.ts';

const axis = fc
  .uniqueArray(fc.integer({ min: 1, max: 5000 }), { minLength: 2, maxLength: 8 })
  .map(values => values.sort((a, b) => a - b));
/** Time grows along both axes. */
const planes = fc
  .record({ lines: axis, x: axis, a: fc.double({ min: 0.1, max: 5, noNaN: true }), ragged: fc.boolean() })
  .map(({ lines, x, a, ragged }) =>
    lines.flatMap((line, i) =>
      x
        .slice(0, ragged ? Math.max(2, x.length - i) : x.length)
        .map(at => [line, at, 1e-5 + a * 1e-9 * at * line ** 1.5] as const),
    ),
  );

test('a measured point is its row, on planes of either kind', () => {
  fc.assert(
    fc.property(planes, fc.constantFrom('linear', 'parabola'), (points, between) => {
      const plane = new Plane(points, between);
      for (const [line, x, seconds] of points) {
        expect(plane.read(line, x)).toBe(seconds);
        expect(plane.tier).toBe('measured');
      }
    }),
  );
});

test('inside the grid the time lies between the corners of its cell', () => {
  fc.assert(
    fc.property(
      planes,
      fc.constantFrom('linear', 'parabola'),
      fc.nat(),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (points, between, choice, u, v) => {
        const plane = new Plane(points, between);
        const i = choice % (plane.at.length - 1);
        const [low, high] = [plane.line(i), plane.line(i + 1)];
        const shared = Math.min(low.x.length, high.x.length) - 1;
        const j = choice % shared;
        const seconds = plane.read(
          plane.at[i]! + u * (plane.at[i + 1]! - plane.at[i]!),
          low.x[j]! + v * (low.x[j + 1]! - low.x[j]!),
        );
        expect(seconds).toBeGreaterThanOrEqual(low.seconds[j]! * (1 - 1e-9));
        expect(seconds).toBeLessThanOrEqual(high.seconds[j + 1]! * (1 + 1e-9));
        expect(plane.tier).not.toBe('extrapolated');
      },
    ),
  );
});

test('beyond the end of a line time grows with the work, below its start it holds', () => {
  const plane = new Plane(
    [
      [4, 10, 2e-5],
      [4, 20, 3e-5],
    ],
    'linear',
  );
  expect(plane.read(4, 60)).toBeCloseTo(9e-5, 12);
  expect(plane.tier).toBe('extrapolated');
  expect(plane.read(4, 1)).toBe(2e-5);
  expect(plane.tier).toBe('extrapolated');
});

const header =
  'attn_dtype,kv_cache_dtype,num_heads,num_key_value_heads,head_dim,window_size,batch_size,isl,step,latency_ms\n';
const shape: AttentionShape = { heads: 32, kvHeads: 8, headDim: 128, kv: 'fp16', window: 0 };

/** Milliseconds of a GPU that reads a KV slot of one head in a nanosecond. */
const decodeMs = (batch: number, kvHeads: number, kv: number) => 0.01 + batch * kvHeads * kv * 1e-6;
const decodeRows = (heads: number, kvHeads: number, window = 0) =>
  [1, 2, 4, 8, 64].flatMap(batch =>
    [1, 15, 127, 1023, 8191].map(
      step =>
        `bfloat16,bfloat16,${heads},${kvHeads},128,${window},${batch},1,${step},${decodeMs(batch, kvHeads, window ? Math.min(window, step + 1) : step + 1)}`,
    ),
  );
const decodeTable = (...lines: string[]) =>
  new DecodeTable(readCsvRows(encode(header + lines.join('\n')), 'generation_attention', 'decode.csv'));

test('decode attention: rows, between them with fractions, and beyond them', () => {
  const table = decodeTable(...decodeRows(32, 8));
  const read = (batch: number, kv: number) => table.read(batch, kv, shape)!;
  expect(read(4, 128)).toEqual({ seconds: decodeMs(4, 8, 128) * 1e-3, tier: 'measured' });
  const between = read(5.5, 700.25);
  expect(between.tier).toBe('interpolated');
  expect(between.seconds).toBeCloseTo(decodeMs(5.5, 8, 700.25) * 1e-3, 12);
  const wide = read(128, 8192);
  expect(wide).toEqual({ seconds: 2 * read(64, 8192).seconds, tier: 'extrapolated' });
  expect(read(64, 16_384).seconds).toBeCloseTo(2 * read(64, 8192).seconds, 12);
});

test('an unmeasured shape is read where the nearest one reads as much', () => {
  const table = decodeTable(...decodeRows(32, 8), ...decodeRows(8, 8));
  const half = table.read(8, 128, { ...shape, heads: 16, kvHeads: 4 })!;
  expect(half.tier).toBe('extrapolated');
  expect(half.seconds).toBeCloseTo(decodeMs(4, 8, 128) * 1e-3, 12);
  expect(table.read(2, 1024, { ...shape, heads: 40, kvHeads: 40 })!.seconds).toBeCloseTo(
    decodeMs(10, 8, 1024) * 1e-3,
    12,
  );
  expect(table.read(8, 128, { ...shape, kv: 'fp8' })).toBeUndefined();
});

test('a window ends the growth, measured or not', () => {
  const own = decodeTable(...decodeRows(32, 8, 1024));
  const windowed = { ...shape, window: 1024 };
  expect(own.read(2, 50_000, windowed)!.seconds).toBe(own.read(2, 1024, windowed)!.seconds);
  const other = decodeTable(...decodeRows(32, 8));
  const unmeasured = { ...shape, window: 128 };
  expect(other.read(2, 5000, unmeasured)).toEqual({
    seconds: other.read(2, 128, shape)!.seconds,
    tier: 'extrapolated',
  });
});

/** Milliseconds of a GPU that computes 32 heads' pairs at a constant speed. */
const pairs = (chunk: number, past: number) => chunk * (past + (chunk + 1) / 2);
const prefillMs = (batch: number, chunk: number, past = 0) => 0.01 + batch * pairs(chunk, past) * 1e-6;
const prefillRows = (step = 0) =>
  [1, 2, 4, 8].flatMap(batch =>
    [1, 128, 512, 1024, 2048, 4096].map(
      isl => `bfloat16,bfloat16,32,8,128,0,${batch},${isl},${step},${prefillMs(batch, isl, step)}`,
    ),
  );
const prefillTable = (...lines: string[]) =>
  new PrefillTable(readCsvRows(encode(header + lines.join('\n')), 'context_attention', 'prefill.csv'), 108);

test('prefill attention: rows, between them, and beyond them', () => {
  const table = prefillTable(...prefillRows());
  const read = (batch: number, chunk: number, past = 0) => table.read(batch, chunk, past, shape)!;
  expect(read(2, 512)).toEqual({ seconds: prefillMs(2, 512) * 1e-3, tier: 'measured' });
  expect(read(3, 512).seconds).toBeCloseTo(prefillMs(3, 512) * 1e-3, 12);
  const between = read(1, 1500);
  expect(between.tier).toBe('interpolated');
  expect(between.seconds / (prefillMs(1, 1500) * 1e-3)).toBeCloseTo(1, 2);
  const long = read(8, 32_768);
  expect(long.tier).toBe('extrapolated');
  expect(long.seconds / read(8, 4096).seconds).toBeCloseTo(pairs(32_768, 0) / pairs(4096, 0), 9);
});

test('a chunk after others costs its share of the whole prompt', () => {
  const table = prefillTable(...prefillRows());
  const after = table.read(1, 1024, 3072, shape)!;
  expect(after.tier).toBe('extrapolated');
  const share = pairs(1024, 3072) / pairs(4096, 0);
  expect(after.seconds).toBeCloseTo(prefillMs(1, 4096) * 1e-3 * share, 12);
  // One tile for each of 32 heads: 76 of 108 multiprocessors wait.
  const short = table.read(1, 16, 4080, shape)!;
  const its = prefillMs(1, 4096) * 1e-3 * (pairs(16, 4080) / pairs(4096, 0)) * (108 / 32);
  expect(short.seconds).toBeCloseTo(its, 12);
  expect(table.read(1, 1024, 1, shape)!.seconds).toBeGreaterThanOrEqual(
    table.read(1, 1024, 0, shape)!.seconds,
  );
});

test('prompts after a past that was measured are read from it', () => {
  const table = prefillTable(...prefillRows(), ...prefillRows(2048));
  expect(table.read(2, 512, 2048, shape)).toEqual({
    seconds: prefillMs(2, 512, 2048) * 1e-3,
    tier: 'measured',
  });
  const between = table.read(2, 512, 1000, shape)!;
  expect(between.tier).toBe('interpolated');
  expect(between.seconds).toBeCloseTo(prefillMs(2, 512, 1000) * 1e-3, 12);
});

test('arithmetic in 8 bits does not stand for 16', () => {
  const slow = prefillRows();
  const fast = prefillRows().map(row => row.replace(/^bfloat16/, 'fp8').replace(/[^,]+$/, '0.001'));
  const table = prefillTable(...fast, ...slow);
  expect(table.read(2, 512, 0, shape)!.seconds).toBeCloseTo(prefillMs(2, 512) * 1e-3, 12);
});

test('a shape without rows from the start of a prompt is left to the others; a table without any is refused', () => {
  const later = prefillRows(1024).map(row => row.replace(/,32,8,128,/, ',64,8,128,'));
  const wide = { ...shape, heads: 64 };
  const table = prefillTable(...prefillRows(), ...later);
  expect(table.measured).toHaveLength(1);
  expect(table.read(2, 512, 0, wide)).toEqual(prefillTable(...prefillRows()).read(2, 512, 0, wide));
  expect(table.read(2, 512, 0, wide)!.tier).toBe('extrapolated');
  expect(() => prefillTable(...later)).toThrow(UsageError);
  expect(() => prefillTable(...later)).toThrow(/prefill\.csv: no rows .*step 0/);
});
