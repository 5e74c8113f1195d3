import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BuddyAllocator } from '../../../src/core/memory/buddy-allocator.ts';
import { FirstFitAllocator } from '../../../src/core/memory/first-fit-allocator.ts';
import type { RangeAllocator } from '../../../src/core/memory/range-allocator.ts';

type Run = [start: number, length: number];

/** The naive models know the taken runs only; what is free follows from them. */
interface Model {
  readonly taken: Run[];
  freeRuns(): Run[];
  /** The run that `length` must get. */
  choose(length: number): Run | undefined;
}

class FirstFitModel implements Model {
  readonly taken: Run[] = [];
  readonly #size: number;

  constructor(size: number) {
    this.#size = size;
  }

  freeRuns(): Run[] {
    const used = new Uint8Array(this.#size);
    for (const [start, length] of this.taken) used.fill(1, start, start + length);
    const runs: Run[] = [];
    for (let i = 0; i < used.length; i++) {
      if (used[i]) continue;
      if (i > 0 && !used[i - 1]) runs.at(-1)![1]++;
      else runs.push([i, 1]);
    }
    return runs;
  }

  choose(length: number): Run | undefined {
    const run = this.freeRuns().find(([, free]) => free >= length);
    return run && [run[0], length];
  }
}

class BuddyModel implements Model {
  readonly taken: Run[] = [];
  readonly #arenas: Run[] = [];

  constructor(size: number) {
    // The binary digits of the size, largest first.
    let start = 0;
    for (let length = 2 ** 20; length >= 1; length /= 2) {
      if (!(size & length)) continue;
      this.#arenas.push([start, length]);
      start += length;
    }
  }

  /** Whole arenas, halved again and again only where something in them is taken. */
  freeRuns(): Run[] {
    const halve = ([start, length]: Run): Run[] => {
      const inside = this.taken.filter(run => run[0] < start + length && start < run[0] + run[1]);
      if (inside.length === 0) return [[start, length]];
      if (inside.some(run => run[0] <= start && run[0] + run[1] >= start + length)) return [];
      return [...halve([start, length / 2]), ...halve([start + length / 2, length / 2])];
    };
    return this.#arenas.flatMap(halve);
  }

  choose(length: number): Run | undefined {
    let rounded = 1;
    while (rounded < length) rounded *= 2;
    const fitting = this.freeRuns().filter(([, free]) => free >= rounded);
    const smallest = Math.min(...fitting.map(([, free]) => free));
    const run = fitting.find(([, free]) => free === smallest);
    return run && [run[0], rounded];
  }
}

const kinds = [
  {
    name: 'buddy',
    make: (size: number) => new BuddyAllocator(size),
    model: (size: number) => new BuddyModel(size),
  },
  {
    name: 'first-fit',
    make: (size: number) => new FirstFitAllocator(size),
    model: (size: number) => new FirstFitModel(size),
  },
];

const sizes = fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(64, 983, 1024));

function play(allocator: RangeAllocator, model: Model, length: number, at: number): void {
  const victim = at % 3 === 0 ? undefined : model.taken[at % Math.max(1, model.taken.length)];
  if (victim && at % 2 === 0) {
    allocator.free(victim[0]);
    model.taken.splice(model.taken.indexOf(victim), 1);
  } else {
    const expected = model.choose(length);
    expect(allocator.allocate(length)).toEqual(expected && { start: expected[0], length: expected[1] });
    if (expected) model.taken.push(expected);
  }
}

test.each(kinds)(
  '$name: any history of claims gives what a naive model of intervals gives',
  ({ make, model }) => {
    const history = fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.nat(1000)), { maxLength: 80 });
    fc.assert(
      fc.property(sizes, history, (size, history) => {
        const [allocator, naive] = [make(size), model(size)];
        for (const [length, at] of history) {
          play(allocator, naive, 1 + ((length - 1) % Math.ceil(size * 0.6)), at);
          expect(allocator.freeRuns()).toEqual(naive.freeRuns());
          allocator.checkIntegrity();
        }
        // Given back in any order, all merges into what it was.
        for (const [start] of naive.taken.toSorted((a, b) => ((a[0] * 7) % 5) - ((b[0] * 7) % 5)))
          allocator.free(start);
        expect(allocator.freeRuns()).toEqual(make(size).freeRuns());
        allocator.checkIntegrity();
      }),
      { numRuns: 200 },
    );
  },
);

test.each(kinds)(
  '$name: taken runs lie in memory, never overlap, and are as long as asked or longer',
  ({ make }) => {
    fc.assert(
      fc.property(sizes, fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 60 }), (size, lengths) => {
        const allocator = make(size);
        const owner = new Map<number, number>();
        for (const [i, length] of lengths.entries()) {
          const run = allocator.allocate(length);
          if (!run) continue;
          expect(run.length).toBeGreaterThanOrEqual(length);
          expect(run.start + run.length).toBeLessThanOrEqual(size);
          for (let unit = run.start; unit < run.start + run.length; unit++) {
            expect(owner.has(unit)).toBe(false);
            owner.set(unit, i);
          }
        }
        const free = allocator.freeRuns().reduce((sum, [, length]) => sum + length, 0);
        expect(free + owner.size).toBe(size);
      }),
      { numRuns: 200 },
    );
  },
);

test.each(kinds)(
  '$name: a length could be held exactly when an empty memory holds it (invariant 25)',
  ({ make }) => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 1100 }), (size, length) => {
        expect(make(size).couldHold(length)).toBe(make(size).allocate(length) !== undefined);
      }),
      { numRuns: 1000 },
    );
  },
);

test('buddy: runs are rounded up to a power of two and aligned to it, for every length', () => {
  for (let length = 1; length <= 1024; length++) {
    const allocator = new BuddyAllocator(2048);
    allocator.allocate(1);
    const run = allocator.allocate(length)!;
    expect(Number.isInteger(Math.log2(run.length))).toBe(true);
    expect(run.length).toBeGreaterThanOrEqual(length);
    expect(run.length).toBeLessThan(2 * length);
    expect(run.start % run.length).toBe(0);
    allocator.checkIntegrity();
  }
});

test('buddy: powers of two are not rounded, however large', () => {
  for (let order = 0; order <= 30; order++) {
    const allocator = new BuddyAllocator(2 ** 30);
    expect(allocator.allocate(2 ** order)).toEqual({ start: 0, length: 2 ** order });
    allocator.free(0);
    expect(allocator.freeRuns()).toEqual([[0, 2 ** 30]]);
    if (order > 1) expect(allocator.allocate(2 ** order - 1)!.length).toBe(2 ** order);
  }
});

test('buddy: 983 blocks (OPT-13B on an A100 of 40 GB) are arenas, and 7 reservations of 2,048 slots fit (Fig. 13a)', () => {
  const allocator = new BuddyAllocator(983);
  const arenas = [
    [0, 512],
    [512, 256],
    [768, 128],
    [896, 64],
    [960, 16],
    [976, 4],
    [980, 2],
    [982, 1],
  ];
  expect(allocator.freeRuns()).toEqual(arenas);
  const starts: number[] = [];
  for (let run = allocator.allocate(2048 / 16); run; run = allocator.allocate(2048 / 16))
    starts.push(run.start);
  expect(starts).toHaveLength(7);
  for (const start of starts) allocator.free(start);
  expect(allocator.freeRuns()).toEqual(arenas);
});

test('buddy: halves merge only with their own buddy', () => {
  const allocator = new BuddyAllocator(8);
  for (let i = 0; i < 4; i++) allocator.allocate(2);
  allocator.free(2);
  allocator.free(4);
  // Neighbours, but not buddies.
  expect(allocator.freeRuns()).toEqual([
    [2, 2],
    [4, 2],
  ]);
  expect(allocator.allocate(4)).toBeUndefined();
  allocator.free(0);
  expect(allocator.freeRuns()).toEqual([
    [0, 4],
    [4, 2],
  ]);
  allocator.free(6);
  expect(allocator.freeRuns()).toEqual([[0, 8]]);
});

test('first-fit: the lowest hole that is long enough, filled from its start', () => {
  const allocator = new FirstFitAllocator(10);
  for (const length of [2, 1, 3, 1, 3]) allocator.allocate(length);
  allocator.free(0);
  allocator.free(3);
  expect(allocator.allocate(3)).toEqual({ start: 3, length: 3 });
  expect(allocator.allocate(1)).toEqual({ start: 0, length: 1 });
  expect(allocator.freeRuns()).toEqual([[1, 1]]);
});

test.each(kinds)('$name: what is not taken cannot be given back', ({ make }) => {
  const allocator = make(8);
  allocator.allocate(2);
  expect(() => allocator.free(1)).toThrow('not allocated');
  allocator.free(0);
  expect(() => allocator.free(0)).toThrow('not allocated');
  allocator.checkIntegrity();
});
