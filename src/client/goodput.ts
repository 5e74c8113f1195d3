import { quoted, UsageError } from '../core/errors.ts';
import type { Seconds } from '../core/units.ts';
import { type RequestRecord, tpotOf } from './request-record.ts';

/** Limits of one request: it is good when it meets all that are given. */
export interface Goodput {
  readonly ttft?: Seconds;
  readonly tpot?: Seconds;
  readonly e2el?: Seconds;
}

/** `ttft:500 tpot:50 e2el:10000`, in milliseconds. @throws UsageError for another name, or no number. */
export function parseGoodput(pairs: readonly string[]): Goodput {
  const goodput: { -readonly [K in keyof Goodput]: Goodput[K] } = {};
  for (const pair of pairs) {
    const [, name, value] = /^(ttft|tpot|e2el):(\d+(?:\.\d+)?)$/.exec(pair) ?? [];
    if (name === undefined)
      throw new UsageError(
        `--goodput: expected limits in ms such as ttft:500 tpot:50 e2el:10000, found ${quoted(pair)}`,
      );
    goodput[name as keyof Goodput] = Number(value) / 1000;
  }
  return goodput;
}

/** How many meet the limits; an answer of one token has a TPOT of 0. */
export function goodRequests(done: readonly RequestRecord[], { ttft, tpot, e2el }: Goodput): number {
  return done.filter(
    record =>
      record.ttft <= (ttft ?? Number.POSITIVE_INFINITY) &&
      (tpotOf(record) ?? 0) <= (tpot ?? Number.POSITIVE_INFINITY) &&
      record.latency <= (e2el ?? Number.POSITIVE_INFINITY),
  ).length;
}
