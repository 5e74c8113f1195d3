import { expect, test } from 'vitest';
import { createRng } from '../../src/sim/rng.ts';

const take = (random: () => number, count: number) => Array.from({ length: count }, random);

test('numbers are pinned: they must be the same on every machine and version of Node', () => {
  expect(take(createRng(0, 'arrivals'), 3)).toMatchInlineSnapshot(`
    [
      0.2708818002483393,
      0.4306121295417633,
      0.807152339525732,
    ]
  `);
  expect(take(createRng(-7, ''), 2)).toMatchInlineSnapshot(`
    [
      0.05527168857372966,
      0.8358561977734015,
    ]
  `);
  expect(take(createRng(2 ** 53 - 1, 'user/3/turn/7'), 2)).toMatchInlineSnapshot(`
    [
      0.01203973940941927,
      0.9861936373126539,
    ]
  `);
});

test('numbers are uniform in [0, 1) with 53 bits', () => {
  const numbers = take(createRng(1, 'uniform'), 100_000);
  const bins = new Array<number>(100).fill(0);
  for (const x of numbers) {
    if (!(x >= 0 && x < 1 && Number.isInteger(x * 2 ** 53))) expect.fail(`${x}`);
    bins[Math.floor(x * 100)]!++;
  }
  // χ² with 99 degrees of freedom is above 149 once in a thousand.
  expect(bins.reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0)).toBeLessThan(149);
  expect(numbers.filter(x => (x * 2 ** 53) % 2 === 1).length / numbers.length).toBeCloseTo(0.5, 1);
});

test('streams of other names or seeds share no numbers and do not correlate', () => {
  const streams = [
    createRng(1, 'a'),
    createRng(1, 'b'),
    createRng(2, 'a'),
    createRng(1 + 2 ** 32, 'a'),
    createRng(1, 'aa'),
    createRng(1, 'session/1'),
    createRng(1, 'session/2'),
  ].map(random => take(random, 20_000));
  expect(new Set(streams.flat()).size).toBe(streams.length * 20_000);
  for (let i = 0; i < streams.length; i++) {
    for (let j = 0; j < i; j++) {
      const products = streams[i]!.map((x, k) => (x - 0.5) * (streams[j]![k]! - 0.5) * 12);
      expect(Math.abs(products.reduce((a, b) => a + b) / products.length)).toBeLessThan(
        4 / Math.sqrt(20_000),
      );
    }
  }
});

test('the first numbers of a thousand neighbouring streams are uniform', () => {
  const firsts = Array.from({ length: 1000 }, (_, i) => createRng(3, `user/${i}`)());
  expect(firsts.reduce((a, b) => a + b) / 1000).toBeCloseTo(0.5, 1);
  expect(new Set(firsts.map(x => Math.floor(x * 10))).size).toBe(10);
});
