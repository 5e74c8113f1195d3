import fc from 'fast-check';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { UsageError } from '../../src/core/errors.ts';
import { findModel } from '../../src/sim/models/catalogue.ts';
import { record } from '../../src/trace/record.ts';
import type { Recording } from '../../src/trace/recording.ts';
import { decodeRecordings, encodeRecordings } from '../../src/trace/recording-file.ts';
import { buffersOf, pack, unpack } from '../../src/trace/transfer.ts';
import { scenarioArbitrary } from '../support/sim-drive.ts';
import { everyPolicy } from '../support/sim-policies.ts';
import { recordDrive } from './recorded-drive.ts';

const model = findModel('llama-13b')!;
const small = (policy: string) => record({ seed: 1, num_prompts: 40 }, policy, { model });

test('what is written is read again, to the last bit', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom(...everyPolicy), scenarioArbitrary()), {
        minLength: 1,
        maxLength: 2,
      }),
      async runs => {
        const recordings = runs.map(([policy, scenario]) => recordDrive(policy, scenario).recording);
        const read = await decodeRecordings(await encodeRecordings(recordings), 'run.quire');
        expectSame(read, recordings);
      },
    ),
    { numRuns: 60 },
  );
});

test('1,000 requests with ShareGPT lengths stay well under 2 MB', async () => {
  const recording = await record({ seed: 0, num_prompts: 1000 }, 'vllm', { model });
  expect(recording.requests).toHaveLength(1000);
  const bytes = await encodeRecordings([recording]);
  expect(bytes.length).toBeLessThan(1_000_000);
  expectSame(await decodeRecordings(bytes, 'run.quire'), [recording]);
});

test('the same run gives the same bytes', async () => {
  const [one, other] = [await small('vllm'), await small('vllm')];
  expect(await encodeRecordings([one])).toEqual(await encodeRecordings([other]));
});

test('a recording goes to another thread whole, and leaves nothing behind', async () => {
  const recording = await small('orca-max');
  const before = structuredClone(recording);
  const packed = pack(recording);
  const sent = unpack(structuredClone(packed, { transfer: buffersOf(packed) }));
  expectSame([sent], [before]);
  expect(buffersOf(packed).reduce((sum, { byteLength }) => sum + byteLength, 0)).toBe(0);
});

test('what is read says how far it is, from the first byte to the last', async () => {
  const bytes = await encodeRecordings(await Promise.all([small('vllm'), small('hf-static')]));
  const told: [doing: string, share: number][] = [];
  await decodeRecordings(new Blob([bytes as Uint8Array<ArrayBuffer>]), 'a.quire', (doing, share) =>
    told.push([doing, share]),
  );
  for (const doing of ['unpacking', 'decoding']) {
    const shares = told.filter(([what]) => what === doing).map(([, share]) => share);
    expect(shares.at(-1)).toBe(1);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
  }
  expect(told.filter(([doing]) => doing === 'decoding').length).toBeGreaterThan(8);
});

test('a gigabyte that unpacks from a few bytes is refused before any memory is claimed for it', async () => {
  const bytes = await encodeRecordings([await small('vllm')]);
  new DataView(bytes.buffer).setUint32(bytes.length - 4, 0xffff_ffff, true);
  await expect(decodeRecordings(bytes, 'a.quire')).rejects.toThrow('its content does not unpack');
});

test('where there is no memory for it, that is said, and how much it takes', async () => {
  const bytes = await encodeRecordings([await small('vllm')]);
  vi.spyOn(DataView.prototype, 'getFloat64').mockImplementation(() => {
    throw new RangeError('Array buffer allocation failed');
  });
  const reading = decodeRecordings(bytes, 'a.quire').finally(() => vi.restoreAllMocks());
  await expect(reading).rejects.toThrow(UsageError);
  await expect(reading).rejects.toThrow(
    /^a\.quire: takes about 0\.\d GB of memory, and there is less here; rec/,
  );
});

describe('what cannot be read is said', () => {
  let recording: Recording;
  let good: Uint8Array;
  beforeAll(async () => {
    recording = await small('vllm');
    good = await encodeRecordings([recording]);
  });
  const text = (content: string) => new TextEncoder().encode(content);
  const changed = (change: (bytes: Uint8Array) => void) => {
    const bytes = good.slice();
    change(bytes);
    return bytes;
  };

  const cases: [name: string, bytes: () => Uint8Array | Promise<Uint8Array>, message: RegExp][] = [
    ['an empty file', () => new Uint8Array(0), /^a\.quire: is empty; expected a recording of Quire/],
    ['another file', () => text('PAR1 and so on'), /^a\.quire: does not begin with QUIREREC; expected a rec/],
    ['JSON', () => text('{"results": []}'), /does not begin with QUIREREC \(it looks like JSON\); expected/],
    ['a few bytes', () => good.slice(0, 5), /is cut off after 5 bytes, expected at least 16; copy or/],
    ['half of it', () => good.slice(0, 4000), /is cut off after 4000 bytes, expected \d{4,}; copy or record/],
    [
      'a newer one',
      () => changed(b => (b[8] = 7)),
      /is a recording of format 7, this Quire reads format 2; open/,
    ],
    ['an older one', () => changed(b => (b[8] = 1)), /is a recording of format 1, .* reads format 2; record/],
    [
      'a bit turned over',
      () => changed(b => (b[b.length >> 1]! ^= 4)),
      /is damaged: its content does not unpack/,
    ],
    ['no runs', () => encodeRecordings([]), /^a\.quire: holds no runs; expected a recording/],
    [
      'no requests',
      () => encodeRecordings([without(recording)]),
      /^a\.quire: its run of vllm has no requests, so there is nothing to show; record one with at least one$/,
    ],
    [
      'an entry about a block that is not there',
      () =>
        encodeRecordings([
          { ...recording, tables: { ...recording.tables, block: recording.tables.block.map(() => 1e9) } },
        ]),
      /is damaged: it names 1000000000 of \d+; copy/,
    ],
    [
      'lists of another length',
      () =>
        encodeRecordings([
          { ...recording, work: { ...recording.work, start: recording.work.start.map(() => 0) } },
        ]),
      /is damaged: its lists hold 0 entries, not \d+; copy/,
    ],
  ];

  test.each(cases)('%s', async (_, bytes, message) => {
    const reading = decodeRecordings(await bytes(), 'a.quire');
    await expect(reading).rejects.toThrow(UsageError);
    await expect(reading).rejects.toThrow(message);
  });

  test('any single byte that differs is found out', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
        // Some bytes of the head of a gzip stream say nothing of its content.
        const place = at % good.length;
        fc.pre(place < 16 || place >= 26);
        const reading = decodeRecordings(
          changed(b => (b[place]! ^= mask)),
          'a.quire',
        );
        await expect(reading).rejects.toThrow(UsageError);
      }),
      { numRuns: 60 },
    );
  });
});

/** The same run, had nobody asked. */
function without(recording: Recording): Recording {
  const cut = (columns: object): object =>
    Object.fromEntries(
      Object.entries(columns).map(([name, column]) => {
        if (name === 'start') return [name, Int32Array.of(0)];
        if (name === 'count') return [name, 0];
        return [name, ArrayBuffer.isView(column) ? (column as Int32Array).slice(0, 0) : cut(column)];
      }),
    );
  const { steps, work, blocks, tables } = recording;
  const columns = cut({ steps, work, blocks, tables }) as Recording;
  return { ...recording, ...columns, requests: [], decisions: [] };
}

/** Compares columns of the same numbers, whatever their width: as bytes, which is much faster than one by one. */
function expectSame(read: readonly Recording[], written: readonly Recording[]): void {
  const rest = ({ version, policy, config, memory, requests, decisions }: Recording) => ({
    ...{ version, policy, config, memory, requests, decisions },
  });
  expect(read.map(rest)).toEqual(written.map(rest));
  for (const [i, recording] of read.entries()) {
    const [got, expected] = [columnsOf(recording), columnsOf(written[i]!)];
    expect([...got.keys()]).toEqual([...expected.keys()]);
    for (const [name, column] of got)
      expect(Buffer.compare(bytesOf(column), bytesOf(expected.get(name)!)), name).toBe(0);
  }
}

function columnsOf({ steps, work, blocks, tables }: Recording): Map<string, Iterable<number>> {
  const all = Object.entries({ steps, usage: steps.usage, work, blocks, tables }).flatMap(([of, columns]) =>
    Object.entries(columns).map(([name, column]) => [`${of}.${name}`, column] as const),
  );
  return new Map(all.filter(([, column]) => ArrayBuffer.isView(column)));
}

const bytesOf = (column: Iterable<number>) => Buffer.from(Float64Array.from(column).buffer);
