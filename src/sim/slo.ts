import { didYouMean } from '../core/did-you-mean.ts';
import { quoted, UsageError } from '../core/errors.ts';
import type { Slo } from './metrics.ts';
import type { RunResult } from './results.ts';

/** A bound on one figure of the results; crossed, the command exits with 1. */
export interface Threshold {
  readonly metric: string;
  readonly below: boolean;
  readonly limit: number;
}

export interface SloOptions {
  readonly perRequest: Slo | undefined;
  readonly thresholds: readonly Threshold[];
}

/** `ttft:500,tpot:50` (milliseconds, per request: goodput) and `p99_ttft_ms<2000` (a figure of the results). */
export function parseSlo(text: string): SloOptions {
  const perRequest: { -readonly [K in keyof Slo]: Slo[K] } = {};
  const thresholds: Threshold[] = [];
  for (const part of text.split(',').map(piece => piece.trim())) {
    const limit = /^(ttft|tpot|e2el):(\d+(?:\.\d+)?)$/.exec(part);
    const bound = /^([a-z0-9_]+)\s*([<>])\s*(\d+(?:\.\d+)?)$/.exec(part);
    if (limit) perRequest[limit[1] as keyof Slo] = Number(limit[2]) / 1000;
    else if (bound) thresholds.push({ metric: bound[1]!, below: bound[2] === '<', limit: Number(bound[3]) });
    else {
      throw new UsageError(
        `slo: expected limits such as ttft:500,tpot:50,e2el:10000 (ms) or p99_ttft_ms<2000, found ${quoted(part)}`,
      );
    }
  }
  return { perRequest: Object.keys(perRequest).length > 0 ? perRequest : undefined, thresholds };
}

/** The figure that a threshold bounds. @throws UsageError when results have no such number. */
export function thresholdValue(result: RunResult, { metric }: Threshold): number {
  const figures = Object.entries(result).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number',
  );
  const found = figures.find(([name]) => name === metric);
  if (found) return found[1];
  const names = figures.map(([name]) => name);
  const near = names.find(name => name === `p99_${metric}_ms`) ?? didYouMean(metric, names);
  throw new UsageError(
    `slo: results have no figure ${quoted(metric).slice(1, -1)}; ` +
      (near ? `did you mean ${near}?` : `they have ${names.join(', ')}`),
  );
}
