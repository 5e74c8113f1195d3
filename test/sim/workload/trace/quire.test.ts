import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UsageError } from '../../../../src/core/errors.ts';
import { streamId, uniqueTokens } from '../../../../src/sim/workload/tokens.ts';
import { toQuireTrace } from '../../../../src/sim/workload/trace/quire.ts';
import type { Arrival } from '../../../../src/sim/workload/workload.ts';
import { open, read, realTrace } from './data.ts';

const take = (a: Arrival, from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => a.tokens!.at(from + i));

test('LLMServingSim’s trace has the rows, means and hit rate that its README tells', async () => {
  const name = 'sharegpt-llama-3.1-8b-300-sps10.jsonl';
  const all = await read(realTrace(name), name, { content: true });
  expect(all.length).toBe(300);
  expect(all[0]!.arrival).toBe(0.046926808);
  expect(all.reduce((sum, a) => sum + a.promptTokens, 0) / 300).toBeCloseTo(857.5, 1);
  expect(all.reduce((sum, a) => sum + a.outputTokens[0]!, 0) / 300).toBeCloseTo(652.5, 1);
  const seen = new Set<number>();
  let hits = 0;
  let total = 0;
  for (const a of all) {
    const blocks = Math.floor(a.promptTokens / 16);
    let hit = true;
    for (let block = 0; block < blocks; block++) if ((hit &&= seen.has(a.tokens!.at(block * 16)))) hits++;
    total += blocks;
    for (let position = 0; position < a.promptTokens + a.outputTokens[0]!; position += 16)
      seen.add(a.tokens!.at(position));
  }
  expect(hits / total).toBeCloseTo(0.077, 2);
});

const FULL: Arrival = {
  arrival: 0.1 + 0.2,
  promptTokens: 100,
  outputTokens: [5, 6],
  maxTokens: 9,
  priority: -1,
  beamWidth: 2,
  cacheSalt: 'sel, "é"',
  loraId: 'lora',
  abortAt: 7.5,
  session: 3,
};

test('writes what it reads, every field', async () => {
  expect(toQuireTrace(FULL)).toBe(
    '{"arrival_s":0.30000000000000004,"input_tokens":100,"output_tokens":[5,6],"max_tokens":9,"priority":-1,"beam_width":2,"cache_salt":"sel, \\"é\\"","lora_id":"lora","abort_at_s":7.5,"session":3}',
  );
  expect(await read(toQuireTrace(FULL), 'q')).toEqual([FULL]);
  expect((await open(toQuireTrace(FULL), 'q')).format).toBe('quire');
});

test('any arrivals survive writing and reading', async () => {
  const optional = <T>(arb: fc.Arbitrary<T>) => fc.option(arb, { nil: undefined });
  const count = fc.integer({ min: 1, max: 2 ** 31 - 1 });
  const arrival = fc.record({
    promptTokens: count,
    outputTokens: fc.array(count, { minLength: 1, maxLength: 4 }),
    maxTokens: optional(count),
    priority: optional(fc.integer()),
    beamWidth: optional(count),
    cacheSalt: optional(fc.string({ unit: 'binary' })),
    loraId: optional(fc.string()),
    session: optional(fc.nat()),
    arrival: fc.double({ min: 0, max: 1e6, noNaN: true }).map(Math.abs),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(arrival, { minLength: 1 }), async rows => {
      const sorted = rows.sort((a, b) => a.arrival - b.arrival) as unknown as Arrival[];
      expect(await read(sorted.map(toQuireTrace).join('\n'), 'q')).toEqual(
        JSON.parse(JSON.stringify(sorted)),
      );
    }),
  );
});

test('content survives: ids as they were, other sources as ids of 16 tokens', async () => {
  const ids =
    '{"arrival_s":0,"input_tokens":20,"output_tokens":12,"block_ids":[1,2,3],"block_tokens":8,"known_tokens":22}';
  const [original] = await read(ids, 'q', { content: true });
  expect(toQuireTrace(original!)).toBe(ids);
  const conversation = uniqueTokens(streamId('conversation', 1));
  const turns: Arrival[] = [
    { arrival: 0, promptTokens: 40, outputTokens: [30], tokens: conversation },
    { arrival: 1, promptTokens: 90, outputTokens: [30], tokens: conversation },
    { arrival: 2, promptTokens: 90, outputTokens: [30], tokens: uniqueTokens(streamId('conversation', 2)) },
  ];
  const [a, b, c] = await read(turns.map(toQuireTrace).join('\n'), 'q', { content: true });
  expect(take(b!, 0, 64)).toEqual(take(a!, 0, 64));
  expect(b!.tokens!.at(64)).not.toBe(a!.tokens!.at(64));
  expect(c!.tokens!.at(0)).not.toBe(a!.tokens!.at(0));
});

test('ids speak for the prompt, or for all they cover when they are more', async () => {
  const row = (ids: string) => `{"arrival_s":0,"input_tokens":20,"output_tokens":40,"block_ids":${ids}}`;
  const read2 = (ids: string) => read(`${row(ids)}\n${row(ids)}`, 'q', { content: true });
  const known = ([a, b]: Arrival[]) => {
    let position = 0;
    while (position < 60 && a!.tokens!.at(position) === b!.tokens!.at(position)) position++;
    return position;
  };
  expect(known(await read2('[1]'))).toBe(16);
  expect(known(await read2('[1,2]'))).toBe(20);
  expect(known(await read2('[1,2,3]'))).toBe(48);
  expect((await read(row('[1]'), 'q'))[0]!.tokens).toBeUndefined();
});

const row = (change: Record<string, unknown>) =>
  JSON.stringify({ arrival_s: 1, input_tokens: 2, output_tokens: 3, ...change });

test.each([
  [{ arrival_s: 'x' }, 'field "arrival_s": expected a number of seconds of at least 0, found "x"'],
  [{ arrival_s: undefined }, 'field "arrival_s": expected a number of seconds of at least 0, found nothing'],
  [{ arrival_s: 0.5 }, 'field "arrival_s": expected a time not before that of the row above, found "0.5"'],
  [{ input_tokens: 1.5 }, 'field "input_tokens": expected a whole number of at least 1, found "1.5"'],
  [{ output_tokens: 0 }, 'field "output_tokens": expected a whole number of at least 1, found "0"'],
  [{ output_tokens: [] }, 'field "output_tokens": expected at least one length, found "[]"'],
  [{ output_tokens: [1, '2'] }, 'field "output_tokens": expected a whole number of at least 1, found "2"'],
  [{ max_tokens: 0 }, 'field "max_tokens": expected a whole number of at least 1, found "0"'],
  [{ priority: 'high' }, 'field "priority": expected a number, found "high"'],
  [{ beam_width: 0 }, 'field "beam_width": expected a whole number of at least 1, found "0"'],
  [{ cache_salt: 5 }, 'field "cache_salt": expected a text, found "5"'],
  [{ lora_id: {} }, 'field "lora_id": expected a text, found "{}"'],
  [{ session: -1 }, 'field "session": expected a whole number of at least 0, found "-1"'],
  [{ abort_at_s: 0.5 }, 'field "abort_at_s": expected a time not before arrival_s, found "0.5"'],
  [{ block_ids: 'x' }, 'field "block_ids": expected a list of whole numbers of at least 0, found "x"'],
  [
    { block_ids: [1], block_tokens: 0 },
    'field "block_tokens": expected a whole number of at least 1, found "0"',
  ],
  [{ arrival_ns: -1 }, 'field "arrival_ns": expected a number of nanoseconds of at least 0, found "-1"'],
])('%j is refused', async (change, message) => {
  const text = `${row({})}\n${row(change)}`;
  await expect(read(text, 'q.jsonl')).rejects.toThrow(new UsageError(`q.jsonl: line 2, ${message}`));
});
