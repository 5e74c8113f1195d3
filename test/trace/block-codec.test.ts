import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readBlocks, writeBlocks } from '../../src/trace/block-codec.ts';
import { ByteReader, ByteWriter, DamagedError } from '../../src/trace/byte-stream.ts';
import { FreeOrder } from '../../src/trace/free-order.ts';
import type { BlockColumns, TableColumns, WorkColumns } from '../../src/trace/recording.ts';
import { encodeRecordings } from '../../src/trace/recording-file.ts';
import { readTables, writeTables } from '../../src/trace/table-codec.ts';
import { recorded } from './runs.ts';

const dimensions = { steps: 4, requests: 3, numBlocks: 6 };
const { steps, requests, numBlocks } = dimensions;
const blockSize = 4;

/** Lists of entries, one a step, as columns. */
function columns<K extends string>(lists: readonly Record<K, number>[][], keys: readonly K[]) {
  const start = Int32Array.from({ length: steps + 1 }, (_, i) =>
    lists.slice(0, i).reduce((sum, list) => sum + list.length, 0),
  );
  const all = lists.flat();
  const of = (key: K) => all.map(entry => entry[key]);
  return { start, ...(Object.fromEntries(keys.map(key => [key, of(key)])) as Record<K, number[]>) };
}

const perStep = <T>(entry: fc.Arbitrary<T>) =>
  fc.array(fc.array(entry, { maxLength: 8 }), { minLength: steps, maxLength: steps });

const block = fc.nat(numBlocks - 1);
const tables: fc.Arbitrary<TableColumns> = perStep(
  fc.record({
    request: fc.nat(requests - 1),
    sequence: fc.nat(2),
    index: fc.nat(numBlocks - 1),
    block: fc.oneof(fc.constant(-1), block),
  }),
).map(lists => {
  const { start, request, sequence, index, block } = columns(lists, [
    'request',
    'sequence',
    'index',
    'block',
  ]);
  return {
    start,
    request: Int32Array.from(request),
    sequence: Uint16Array.from(sequence),
    index: Int32Array.from(index),
    block: Int32Array.from(block),
  };
});
const work: fc.Arbitrary<WorkColumns> = perStep(
  fc.record({ request: fc.nat(requests - 1), kind: fc.nat(2), tokens: fc.nat(20) }),
).map(lists => {
  const { start, request, kind, tokens } = columns(lists, ['request', 'kind', 'tokens']);
  return {
    start,
    request: Int32Array.from(request),
    kind: Uint8Array.from(kind),
    tokens: Int32Array.from(tokens),
  };
});
const blocks: fc.Arbitrary<BlockColumns> = perStep(
  fc.record({
    block,
    owner: fc.integer({ min: -2, max: requests - 1 }),
    refs: fc.nat(0xffff),
    filled: fc.nat(blockSize),
  }),
).map(lists => {
  const { start, block, owner, refs, filled } = columns(lists, ['block', 'owner', 'refs', 'filled']);
  return {
    start,
    block: Int32Array.from(block),
    owner: Int32Array.from(owner),
    refs: Uint16Array.from(refs),
    filled: Uint16Array.from(filled),
  };
});

/** Columns as what they say: they are read into as few bytes as the numbers take. */
const numbersOf = (columns: object) =>
  Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, [...column]]));

describe('blocks and tables', () => {
  test('that no engine would make are read as they were written, though every guess is wrong', () => {
    fc.assert(
      fc.property(tables, work, blocks, (tables, work, blocks) => {
        const known = { tables, work, requests, numBlocks, blockSize };
        const out = new ByteWriter();
        writeTables(out, tables, dimensions);
        writeBlocks(out, blocks, known);
        const input = new ByteReader(out.take());
        expect(numbersOf(readTables(input, dimensions))).toEqual(numbersOf(tables));
        expect(numbersOf(readBlocks(input, steps, known))).toEqual(numbersOf(blocks));
        expect(input.left).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  test('of which a byte differs are read as others, or refused', () => {
    fc.assert(
      fc.property(tables, work, blocks, fc.nat(), fc.nat(255), (tables, work, blocks, at, value) => {
        const known = { tables, work, requests, numBlocks, blockSize };
        const out = new ByteWriter();
        writeTables(out, tables, dimensions);
        writeBlocks(out, blocks, known);
        const bytes = out.take();
        bytes[at % bytes.length] = value;
        const input = new ByteReader(bytes);
        try {
          const read = readTables(input, dimensions);
          for (const named of read.block) expect(named).toBeLessThan(numBlocks);
          for (const named of readBlocks(input, steps, { ...known, tables: read }).block)
            expect(named).toBeLessThan(numBlocks);
        } catch (error) {
          expect(error).toBeInstanceOf(DamagedError);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('of one token each take next to nothing: pools hand them out in an order that can be known', async () => {
    const config = { policy: ['sglang'], model: 'llama-13b', gpu: 'a100-40g', num_prompts: 150, seed: 0 } as const; // biome-ignore format: rows
    const recording = await recorded({ ...config, policy: [...config.policy] }, 'sglang');
    const entries = recording.tables.block.length + recording.blocks.block.length;
    expect(entries).toBeGreaterThan(150_000);
    const none = new Int32Array(recording.steps.count + 1);
    const empty = { ...recording.tables, start: none, request: none.subarray(0, 0), sequence: new Uint16Array(0), index: none.subarray(0, 0), block: none.subarray(0, 0) }; // biome-ignore format: rows
    const { length } = await encodeRecordings([recording]);
    const without = await encodeRecordings([{ ...recording, tables: empty, blocks: { ...recording.blocks, ...empty, owner: none.subarray(0, 0), refs: new Uint16Array(0), filled: new Uint16Array(0) } }]); // biome-ignore format: rows
    // A bit each.
    expect(length - without.length).toBeLessThan(entries / 8);
  });
});

test('free blocks are handed out in the order in which they came, and on behind the last that was taken', () => {
  const order = new FreeOrder(5);
  const take = (block: number) => {
    order.take(block);
    return order.next;
  };
  expect([order.next, take(0), take(1)]).toEqual([0, 1, 2]);
  order.give(1);
  order.give(0);
  // Out of turn: the guess goes on behind it.
  expect(take(3)).toBe(4);
  order.rewind();
  expect([order.next, take(2), take(4), take(1), take(0)]).toEqual([2, 4, 1, 0, 5]);
});
