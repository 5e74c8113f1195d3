import { expect, test } from 'vitest';
import { errorOf, isCrossed } from '../../src/validation/case.ts';
import { paperAblations } from '../../src/validation/paper/ablations.ts';
import { pagedRead } from '../../src/validation/paper/block-size.ts';
import { runStudies } from '../../src/validation/run-studies.ts';

test('Figs. 15, 18b and 19 of the vLLM paper', { timeout: 120_000 }, async () => {
  const [outcome] = await runStudies([paperAblations], {});
  const { cases, charts } = outcome!.result;
  for (const figure of cases) expect(isCrossed(figure), JSON.stringify(figure)).toBe(false);
  const swap19a = cases.find(({ source }) => source.endsWith('Fig. 19a'))!;
  expect(swap19a).toMatchObject({ aim: 0, note: expect.stringMatching(/20 % above it; our PCIe/) });
  const savings = cases.filter(({ points }) => points);
  expect(savings).toHaveLength(10);
  for (const figure of savings) {
    expect(Math.abs(errorOf(figure)), JSON.stringify(figure)).toBeLessThan(5);
  }

  const line = (title: string, name: string) => {
    const { series } = charts.find(chart => chart.title.includes(title))!;
    return new Map(series.find(one => one.name === name)!.points as readonly (readonly [number, number])[]);
  };
  // §7.2: small blocks read slowly, large ones leave no room; the shorter sequences of Alpaca mind them sooner.
  for (const load of ['ShareGPT', 'Alpaca']) {
    const latency = line('Fig. 18b', load);
    const best = Math.min(...latency.values());
    expect(latency.get(1)! / best).toBeGreaterThan(2);
    expect(latency.get(256)! / best).toBeGreaterThan(2);
    expect(latency.get(16)! / best).toBeLessThan(1.2);
  }
  const relative = (load: string, size: number) =>
    line('Fig. 18b', load).get(size)! / line('Fig. 18b', load).get(32)!;
  expect(relative('Alpaca', 128)).toBeGreaterThan(2 * relative('ShareGPT', 128));

  // §7.3: swapping suffers from small copies, recomputing does not look at blocks.
  const [swap, recompute] = ['swap', 'recompute'].map(name => line('Fig. 19b', name)) as [
    Map<number, number>,
    Map<number, number>,
  ];
  expect(swap.get(1)!).toBeGreaterThan(1.1 * recompute.get(1)!);
  for (const size of [16, 32, 64])
    expect(Math.abs(swap.get(size)! / recompute.get(size)! - 1)).toBeLessThan(0.2);
  expect(new Set(line('Fig. 19a', 'recompute').values()).size).toBe(1);
  const moved = [...line('Fig. 19a', 'swap in + out').values()];
  expect(moved).toEqual(moved.toSorted((a, b) => b - a));
  expect(moved[0]! / moved.at(-1)!).toBeGreaterThan(4);
});

test('the paged kernel reads blocks of 16 at the speed it was measured at, and smaller ones more slowly', () => {
  expect(pagedRead(16)).toBe(1);
  const factors = [1, 2, 4, 8, 16, 32, 256].map(pagedRead);
  expect(factors).toEqual(factors.toSorted((a, b) => b - a));
});
