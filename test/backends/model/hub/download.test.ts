import { createHash } from 'node:crypto';
import { existsSync, readFileSync, utimesSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fileError } from '../../../../src/backends/model/files.ts';
import { download, type Source } from '../../../../src/backends/model/hub/download.ts';
import { fetchSnapshot } from '../../../../src/backends/model/hub/fetch-snapshot.ts';
import { withLock } from '../../../../src/backends/model/hub/file-lock.ts';
import type { HubClient } from '../../../../src/backends/model/hub/hub-client.ts';
import type { HubFile } from '../../../../src/backends/model/hub/hub-file.ts';
import { ModelCache } from '../../../../src/backends/model/hub/model-cache.ts';
import { UsageError } from '../../../../src/core/errors.ts';
import { folder, write } from '../safetensors-file.ts';
import { HubServer } from './hub-server.ts';

const signal = new AbortController().signal;

const fileOf = (bytes: Uint8Array): HubFile => ({
  path: 'f',
  size: bytes.length,
  digest: { algorithm: 'sha256', hex: createHash('sha256').update(bytes).digest('hex') },
});

test('wherever connections break and whether ranges are known, the file is whole', async () => {
  const place = folder();
  let made = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(fc.record({ cut: fc.nat(60), ranges: fc.boolean() }), { maxLength: 12 }),
      fc.uint8Array({ maxLength: 250 }),
      async (bytes, breaks, part) => {
        const target = join(place, `${made++}`);
        if (part.length > 0) write(`${target}.part`, part);
        const left = [...breaks];
        const source: Source = async from => {
          const { cut, ranges } = left.shift() ?? { cut: 1000, ranges: true };
          if (cut === 0) throw new TypeError('fetch failed');
          const start = ranges ? from : 0;
          const headers = { 'Content-Range': `bytes ${start}-${bytes.length}/${bytes.length}` };
          const body = bytes.slice(start, start + cut);
          return new Response(body, start > 0 ? { status: 206, headers } : { status: 200 });
        };
        let here = 0;
        const options = { signal, retryDelay: 0, onBytes: (n: number) => void (here = n) };
        const done = await download(source, fileOf(bytes), target, options).catch(error => error);
        if (done instanceof Error) {
          // Only when nothing came for five times in a row.
          expect(done.message).toMatch(/^f broke off after \d+ of \d+ bytes/);
          expect(breaks.length).toBeGreaterThanOrEqual(5);
        } else {
          expect(readFileSync(target).equals(bytes)).toBe(true);
          expect(existsSync(`${target}.part`)).toBe(false);
          expect(here).toBe(bytes.length);
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('a connection that falls silent is given up, and taken up again', async () => {
  const bytes = Buffer.alloc(50_000, 'quire');
  const server = await new HubServer({ f: bytes }).start();
  server.faults.set('f', [{ silentAfter: 20_000 }]);
  const source: Source = (from, until) =>
    fetch(`${server.endpoint}/cdn/f`, {
      signal: until,
      headers: from > 0 ? { Range: `bytes=${from}-` } : {},
    });
  const target = join(folder(), 'f');
  await download(source, fileOf(bytes), target, { signal, silence: 0.2, retryDelay: 0 });
  expect(server.served).toEqual(['f all', 'f bytes=20000-']);
  expect(readFileSync(target).equals(bytes)).toBe(true);
});

test('a download that is stopped leaves its part, and tries no more', async () => {
  const bytes = Buffer.alloc(50_000, 'quire');
  const server = await new HubServer({ f: bytes }).start();
  server.faults.set('f', [{ silentAfter: 20_000 }]);
  const stop = new AbortController();
  const source: Source = (_from, until) => fetch(`${server.endpoint}/cdn/f`, { signal: until });
  const target = join(folder(), 'f');
  const onBytes = (n: number) => n === 20_000 && stop.abort(new Error('stopped'));
  await expect(download(source, fileOf(bytes), target, { signal: stop.signal, onBytes })).rejects.toThrow(
    'stopped',
  );
  expect(server.served.length).toBe(1);
  expect(readFileSync(`${target}.part`).length).toBe(20_000);
});

test('a full disk is said before anything comes, and when it fills up', async () => {
  class Full extends ModelCache {
    override async free(): Promise<number> {
      return 2 ** 20;
    }
  }
  const size = 3 * 2 ** 30;
  const digest = { algorithm: 'sha256', hex: 'ab'.repeat(32) } as const;
  const files: HubFile[] = [{ path: 'model.safetensors', size, digest }];
  const client = { files: async () => files } as unknown as HubClient;
  const cache = new Full(folder(), 'me/tiny');
  await expect(fetchSnapshot(client, cache, 'me/tiny', 'c'.repeat(40), {})).rejects.toThrow(
    `me/tiny needs 3.00 GiB more on the disk of ${cache.folder}, where 0.00 GiB are free; free some, or name a folder`,
  );
  const full = fileError('/x/f.part', Object.assign(new Error('no space left'), { code: 'ENOSPC' }));
  expect(full).toBeInstanceOf(UsageError);
  expect((full as Error).message).toBe(
    '/x/f.part: the disk is full; free some, or name another folder with QUIRE_CACHE (what is there is kept)',
  );
});

test('a lock: one after the other; that of the dead counts for nothing', async () => {
  const path = join(folder(), 'lock');
  let inside = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++inside);
    await new Promise(resolve => setTimeout(resolve, 10));
    inside--;
  };
  await Promise.all(Array.from({ length: 5 }, () => withLock(path, work, { interval: 0.005 })));
  expect(most).toBe(1);
  await expect(withLock(path, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  expect(existsSync(path)).toBe(false);

  const waits: string[] = [];
  const onWait = () => void waits.push('waited');
  // A process id that none has: the largest is far smaller.
  write(path, `99999999 ${hostname()}`);
  await withLock(path, work, { onWait });
  // Of another machine: only its silence tells.
  write(path, '1 elsewhere');
  utimesSync(path, 1000, 1000);
  await withLock(path, work, { onWait });
  expect(waits).toEqual([]);
  write(path, '1 elsewhere');
  await withLock(path, work, { onWait, dead: 0.2, interval: 0.02 });
  expect(waits).toEqual(['waited']);
});
