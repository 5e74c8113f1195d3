import type { Seconds } from '../core/units.ts';
import type { RequestRecord } from './request-record.ts';

export interface Peaks {
  /** Chunks in the fullest of the seconds since the first request. */
  readonly maxOutputTokensPerS: number;
  /** Requests under way at once, the one that ends when another begins not counted with it. */
  readonly maxConcurrentRequests: number;
}

export function peaksOf(done: readonly RequestRecord[]): Peaks {
  const first = done.reduce((least, { startTime }) => Math.min(least, startTime), Number.POSITIVE_INFINITY);
  return { maxOutputTokensPerS: fullestSecond(done, first), maxConcurrentRequests: mostAtOnce(done) };
}

function fullestSecond(done: readonly RequestRecord[], first: Seconds): number {
  const seconds = new Map<number, number>();
  const add = (time: Seconds) => {
    const second = Math.floor(time - first);
    seconds.set(second, (seconds.get(second) ?? 0) + 1);
  };
  for (const { startTime, ttft, itl } of done) {
    let time = startTime + ttft;
    add(time);
    for (const gap of itl) add((time += gap));
  }
  return [...seconds.values()].reduce((most, count) => Math.max(most, count), 0);
}

function mostAtOnce(done: readonly RequestRecord[]): number {
  const starts = Float64Array.from(done, ({ startTime }) => startTime).sort();
  const ends = Float64Array.from(done, ({ startTime, latency }) => startTime + latency).sort();
  let most = 0;
  let ended = 0;
  for (let started = 0; started < starts.length; started++) {
    while (ends[ended]! <= starts[started]!) ended++;
    most = Math.max(most, started + 1 - ended);
  }
  return most;
}
