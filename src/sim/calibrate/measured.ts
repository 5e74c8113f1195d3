import { UsageError } from '../../core/errors.ts';
import type { Seconds, Tokens } from '../../core/units.ts';
import { lines } from '../workload/trace/lines.ts';
import { readBenchResult } from './bench-result.ts';
import { measuredFormats } from './formats.ts';
import { isRequestsHeader, readRequestsCsv } from './requests-csv.ts';

/** One request of a real engine, as it was measured. */
export interface MeasuredRequest {
  /** Since the first one. */
  readonly arrival: Seconds;
  readonly promptTokens: Tokens;
  readonly outputTokens: Tokens;
  readonly ttft: Seconds;
  readonly e2el: Seconds;
}

export interface MeasuredRun {
  /** In order of arrival; those that failed are left out. */
  readonly requests: readonly MeasuredRequest[];
  readonly failed: number;
  /** Times were taken at the client: they hold the API path. */
  readonly clientSide: boolean;
  readonly notes: readonly string[];
  /** What the server called its model, where the file says. */
  readonly modelName?: string;
}

/** Fewer tell no overhead from chance. */
export const MIN_REQUESTS = 20;

/**
 * Reads the result of `vllm bench serve --save-result --save-detailed`, or a CSV with a row a request.
 *
 * @throws UsageError when it is neither, a value in it cannot be, or too few requests were served.
 */
export async function readMeasured(bytes: AsyncIterable<Uint8Array>, file: string): Promise<MeasuredRun> {
  const rows: string[] = [];
  for await (const batch of lines(bytes, file, MAX_CHARACTERS)) rows.push(...batch.texts);
  const header = rows.find(row => row.trim() !== '');
  if (header === undefined) throw new UsageError(`${file}: is empty; expected ${measuredFormats}`);
  if (header.trimStart().startsWith('{')) return checked(readBenchResult(rows.join('\n'), file), file);
  if (isRequestsHeader(header)) return checked(readRequestsCsv(rows, file), file);
  throw new UsageError(`${file}: not a measured run that Quire knows; expected ${measuredFormats}`);
}

/** Tokens after the first, over the time that they took; undefined where there is none to tell. */
export function tpotOf({ ttft, e2el, outputTokens }: MeasuredRequest): Seconds | undefined {
  return outputTokens > 1 && e2el > ttft ? (e2el - ttft) / (outputTokens - 1) : undefined;
}

function checked(run: MeasuredRun, file: string): MeasuredRun {
  const { requests, failed } = run;
  if (requests.length === 0 && failed > 0)
    throw new UsageError(`${file}: all ${failed} requests failed; calibrate with a run that was served`);
  if (requests.length < MIN_REQUESTS) {
    const others = failed > 0 ? ` (${failed} failed)` : '';
    throw new UsageError(
      `${file}: ${requests.length} requests were served${others}; at least ${MIN_REQUESTS} are needed, a few hundred are good`,
    );
  }
  if (requests.every(request => tpotOf(request) === undefined)) {
    throw new UsageError(
      `${file}: no request took time after its first token; measure with streaming and more than one output token`,
    );
  }
  const start = requests.reduce((least, request) => Math.min(least, request.arrival), Infinity);
  const sorted = requests.map(request => ({ ...request, arrival: request.arrival - start }));
  sorted.sort((a, b) => a.arrival - b.arrival);
  const left = failed > 0 ? [`${failed} failed requests left out`] : [];
  return { ...run, requests: sorted, notes: [...left, ...run.notes] };
}

/** The longest string of V8 is 2²⁹ characters less a few. */
const MAX_CHARACTERS = 2 ** 29 - 1024;
