import { expect, test } from 'vitest';
import { findModel } from '../../src/sim/models/catalogue.ts';
import { record } from '../../src/trace/record.ts';
import { scenarios } from '../../viz/page/scenarios.ts';
import { barCountsAt } from '../../viz/views/bar-counts.ts';
import { type BarKind, barAt, barsOf } from '../../viz/views/bars.ts';

test.each([
  ['chat', 'deepspeed-static'],
  ['pressure', 'vllm'],
])('requests by what they do, at each step and between: %s under %s', async (name, policy) => {
  const { config } = scenarios.find(scenario => scenario.name === name)!;
  const recording = await record(config, policy, { model: findModel(config.model!)! });
  const { time, end, count } = recording.steps;
  const kinds = new Set<string>();
  for (let step = 0; step < count; step++) {
    for (const at of [time[step]!, (time[step]! + end[step]!) / 2]) {
      const counts: Partial<Record<BarKind, number>> = {};
      for (const bars of barsOf(recording)) {
        const bar = bars[barAt(bars, at)];
        if (!bar) continue;
        kinds.add(bar.kind);
        counts[bar.kind] = (counts[bar.kind] ?? 0) + 1;
      }
      const found = Object.entries(barCountsAt(recording, at)).filter(([, many]) => many > 0);
      expect(Object.fromEntries(found)).toEqual(counts);
    }
  }
  expect(kinds.size).toBeGreaterThan(3);
});
