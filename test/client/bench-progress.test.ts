import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { BenchProgress } from '../../src/cli/bench-serve-progress.ts';

const isTTY = process.stderr.isTTY;
let written: string[];

beforeEach(() => {
  written = [];
  vi.useFakeTimers();
  vi.spyOn(process.stderr, 'write').mockImplementation(text => written.push(String(text)) > 0);
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  process.stderr.isTTY = isTTY;
});

/** A load of 50 chunks a second that fails one request in five. */
function load() {
  const start = Date.now();
  return {
    get progress() {
      const elapsed = (Date.now() - start) / 1000;
      const ended = Math.min(1000, Math.floor(elapsed * 10));
      return { done: ended - ended / 5, failed: ended / 5, inFlight: 7, chunks: elapsed * 50, elapsed };
    },
  };
}

test('a line of a terminal: done, failed, in flight and the rate of now; wiped at the end', () => {
  process.stderr.isTTY = true;
  const progress = new BenchProgress(load(), 1000);
  vi.advanceTimersByTime(5000);
  expect(written.at(-1)).toBe('\r\u001b[2K5.0 %  40 of 1,000 done, 10 failed, 7 in flight · 50.0 tok/s');
  progress.end();
  expect(written.at(-1)).toBe('\r\u001b[2K');
  const { length } = written;
  vi.advanceTimersByTime(5000);
  expect(written).toHaveLength(length);
});

test('else a line every ten seconds', () => {
  process.stderr.isTTY = false;
  const progress = new BenchProgress(load(), 1000);
  vi.advanceTimersByTime(9_999);
  expect(written).toEqual([]);
  vi.advanceTimersByTime(10_001);
  progress.end();
  expect(written).toEqual([
    '10.0 s: 80 of 1,000 done, 20 failed, 7 in flight · 50.0 tok/s\n',
    '20.0 s: 160 of 1,000 done, 40 failed, 7 in flight · 50.0 tok/s\n',
  ]);
});
