import { describe, expect, test } from 'vitest';
import type { Recording } from '../../src/trace/recording.ts';
import { holdersAt, lastEntryOf, tableIndex } from '../../src/trace/table-index.ts';
import { recorded } from './runs.ts';

/** Enough entries for several lists of those under way. */
const runs: [name: string, run: Promise<Recording>][] = [
  ['preemptions', recorded({ seed: 2, num_prompts: 250 }, 'vllm')],
  ['a static batch', recorded({ seed: 2, num_prompts: 60, workload: 'alpaca' }, 'hf-static')],
  ['samples', recorded({ seed: 2, num_prompts: 120, n: 3 }, 'vllm')],
];

describe.each(runs)('with %s', (_, run) => {
  test('who holds memory is who names blocks in its tables', async () => {
    const recording = await run;
    const { tables, steps } = recording;
    expect(tables.block.length).toBeGreaterThan(2 * 4096);
    /** By request, then by place: what its tables name. */
    const named = new Map<number, Map<string, number>>();
    let entry = 0;
    for (let step = 0; step < steps.count; step++) {
      for (; entry < tables.start[step + 1]!; entry++) {
        const request = tables.request[entry]!;
        const places = named.get(request) ?? new Map<string, number>();
        named.set(request, places);
        const place = `${tables.sequence[entry]} ${tables.index[entry]}`;
        if (tables.block[entry]! < 0) places.delete(place);
        else places.set(place, tables.block[entry]!);
        if (places.size === 0) named.delete(request);
      }
      if (step % 7 !== 0) continue;
      const holders = holdersAt(recording, tables.start[step + 1]!);
      expect(holders).toEqual(holders.toSorted((a, b) => a - b));
      // Some come back: they were preempted.
      expect(holders).toEqual(expect.arrayContaining([...named.keys()]));
      const over = holders.filter(request => !named.has(request));
      for (const request of over) expect(recording.requests[request]!.preemptions).toBeGreaterThan(0);
    }
  });
});

test('what named a block last is known where blocks are cached', async () => {
  const recording = await recorded(
    { seed: 2, num_prompts: 60, workload: 'shared-prefix', prefix_caching: 'on', kv_slots: 9000 },
    'vllm',
  );
  const { tables, steps } = recording;
  expect(tableIndex.of(recording).byBlock).toBeDefined();
  const end = tables.start[steps.count >> 1]!;
  for (let block = 0; block < recording.memory.numBlocks; block += 5) {
    const before = tables.block.slice(0, end);
    const last = before.lastIndexOf(block);
    expect(lastEntryOf(recording, block, end)).toBe(last < 0 ? undefined : last);
  }
});
