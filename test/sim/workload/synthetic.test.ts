import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { UsageError } from '../../../src/core/errors.ts';
import { fixedLengths, lognormalLengths, uniformLengths } from '../../../src/sim/workload/lengths.ts';
import { type SyntheticOptions, syntheticWorkload } from '../../../src/sim/workload/synthetic.ts';
import type { Arrival } from '../../../src/sim/workload/workload.ts';

const OPTIONS: SyntheticOptions = {
  name: 'test',
  count: 2000,
  seed: 1,
  arrivals: { kind: 'poisson', rate: 2 },
  lengths: { kind: 'sharegpt' },
  content: false,
};

function chunksOf(change: Partial<SyntheticOptions> = {}): (readonly Arrival[])[] {
  return [...(syntheticWorkload({ ...OPTIONS, ...change }).chunks() as Iterable<readonly Arrival[]>)];
}
const arrivalsOf = (change: Partial<SyntheticOptions> = {}) => chunksOf(change).flat();

test('as many as asked, in chunks, in ascending time', () => {
  expect(chunksOf().map(chunk => chunk.length)).toEqual([512, 512, 512, 464]);
  const all = arrivalsOf();
  expect(all.every((a, i) => i === 0 || a.arrival >= all[i - 1]!.arrival)).toBe(true);
  expect(chunksOf({ count: 512 }).map(chunk => chunk.length)).toEqual([512]);
});

test('chunks are generated lazily and can be taken again', () => {
  const workload = syntheticWorkload({ ...OPTIONS, count: 2 ** 31 - 1 });
  for (let i = 0; i < 2; i++) {
    for (const chunk of workload.chunks() as Iterable<readonly Arrival[]>) {
      expect(chunk.slice(0, 3)).toMatchInlineSnapshot(`
        [
          {
            "arrival": 0.11259365108476033,
            "outputTokens": [
              196,
            ],
            "promptTokens": 10,
          },
          {
            "arrival": 0.6817899911545762,
            "outputTokens": [
              191,
            ],
            "promptTokens": 1102,
          },
          {
            "arrival": 1.8526670233928761,
            "outputTokens": [
              78,
            ],
            "promptTokens": 9,
          },
        ]
      `);
      break;
    }
  }
});

test('ten thousand arrivals are pinned to the last bit: the same on every version of Node', () => {
  const digest = (change: Partial<SyntheticOptions>) => {
    const numbers = arrivalsOf({ count: 10_000, abortAfter: 5, samples: 2, ...change }).flatMap(a => [
      a.arrival,
      a.promptTokens,
      ...a.outputTokens,
      a.abortAt!,
    ]);
    return createHash('sha256').update(new Float64Array(numbers)).digest('hex').slice(0, 16);
  };
  expect(digest({})).toMatchInlineSnapshot(`"8f5425c311953920"`);
  expect(
    digest({
      arrivals: { kind: 'gamma', rate: 3, burstiness: 0.4, stretch: true },
      lengths: lognormalLengths({ mean: 500, median: 200 }, { mean: 100, sigma: 1 }),
    }),
  ).toMatchInlineSnapshot(`"fab88f381c3aedf1"`);
  expect(
    digest({ arrivals: { kind: 'gamma', rate: 3, burstiness: 2.5 }, lengths: { kind: 'alpaca' } }),
  ).toMatchInlineSnapshot(`"7f6a47beacde82d6"`);
});

test('common random numbers: an option changes nothing but what it is about', () => {
  const plain = arrivalsOf();
  const everything = arrivalsOf({
    samples: 3,
    beamWidth: 4,
    prefix: { groups: 4, tokens: 0 },
    content: true,
    priority: [
      { priority: 0, weight: 1 },
      { priority: 1, weight: 3 },
    ],
    abortAfter: 10,
  });
  everything.forEach((a, i) => {
    expect([a.arrival, a.promptTokens, a.outputTokens[0]]).toEqual([
      plain[i]!.arrival,
      plain[i]!.promptTokens,
      plain[i]!.outputTokens[0],
    ]);
    expect(a.outputTokens.length).toBe(3);
    expect(a.beamWidth).toBe(4);
    expect(a.abortAt).toBeGreaterThanOrEqual(a.arrival);
  });
  const faster = arrivalsOf({ arrivals: { kind: 'gamma', rate: 20, burstiness: 0.3 } });
  expect(faster.map(a => a.promptTokens)).toEqual(plain.map(a => a.promptTokens));
  const shorter = arrivalsOf({ lengths: fixedLengths(5, 5) });
  expect(shorter.map(a => a.arrival)).toEqual(plain.map(a => a.arrival));
});

test('shares and means of what the options draw', () => {
  const all = arrivalsOf({
    count: 20_000,
    abortAfter: 10,
    priority: [
      { priority: -1, weight: 1 },
      { priority: 5, weight: 3 },
    ],
  });
  expect(all.filter(a => a.priority === -1).length / all.length).toBeCloseTo(0.25, 1);
  expect(all.reduce((sum, a) => sum + a.abortAt! - a.arrival, 0) / all.length / 10).toBeCloseTo(1, 1);
  const samples = arrivalsOf({ samples: 4 });
  expect(samples.filter(a => new Set(a.outputTokens).size === 1).length).toBeLessThan(5);
});

test('absent options leave their fields out', () => {
  expect(Object.keys(arrivalsOf({ count: 1 })[0]!)).toEqual(['arrival', 'promptTokens', 'outputTokens']);
});

test('requests of a prefix group begin alike, and only there', () => {
  const tokens = 32;
  const all = arrivalsOf({
    lengths: uniformLengths([10, 100], [1, 5]),
    prefix: { groups: 3, tokens },
    content: true,
    count: 300,
  });
  const sizes = new Map<string, number>();
  for (const a of all) {
    const beginning = Array.from({ length: tokens }, (_, i) => a.tokens!.at(i)).join();
    sizes.set(beginning, (sizes.get(beginning) ?? 0) + 1);
  }
  expect(sizes.size).toBe(3);
  expect(Math.min(...sizes.values())).toBeGreaterThan(60);
  expect(new Set(all.map(a => a.tokens!.at(tokens))).size).toBe(300);
  expect(all.every(a => a.promptTokens > tokens)).toBe(true);
});

test('without a prefix no two requests begin alike', () => {
  expect(new Set(arrivalsOf({ content: true }).map(a => a.tokens!.at(0))).size).toBe(2000);
});

test.each<[Partial<SyntheticOptions>, string]>([
  [{ count: 0 }, 'count must be a whole number of at least 1, not 0'],
  [{ samples: 1.5 }, 'samples must be a whole number of at least 1, not 1.5'],
  [{ beamWidth: 0 }, 'beamWidth must be a whole number of at least 1, not 0'],
  [{ abortAfter: 0 }, 'abortAfter must be a number above 0, not 0'],
  [{ prefix: { groups: 0, tokens: 1 } }, 'prefix.groups must be a whole number of at least 1, not 0'],
  [{ priority: [{ priority: 1, weight: 0 }] }, 'the weight of a priority must be a number above 0, not 0'],
  [{ priority: [] }, 'the number of priority classes must be a whole number of at least 1, not 0'],
  [{ arrivals: { kind: 'poisson', rate: -2 } }, 'rate must be a number above 0, not -2'],
  [{ lengths: fixedLengths(0, 1) }, 'value must be a whole number of at least 1, not 0'],
])('%j is refused at once', (change, message) => {
  expect(() => syntheticWorkload({ ...OPTIONS, ...change })).toThrow(new UsageError(message));
});
