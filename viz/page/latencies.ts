import { Derived } from '../../src/trace/derived.ts';
import type { Recording } from '../../src/trace/recording.ts';
import { requestColumns, requestEnds } from '../../src/trace/request-columns.ts';
import { firstWhere } from '../views/steps.ts';
import { type Percentiles, percentiles } from './percentiles.ts';
import type { Span } from './state.ts';

/** Requests that finished in a window. */
export interface Latencies {
  readonly finished: number;
  readonly ttft: Percentiles;
  readonly tpot: Percentiles;
  readonly e2e: Percentiles;
}

/** Of the requests that finished: when, ascending, and how long they took. */
interface Columns {
  readonly finished: Float64Array;
  readonly ttft: Float64Array;
  /** NaN of an answer of one token, which has no gap. */
  readonly tpot: Float64Array;
  readonly e2e: Float64Array;
}

const FINISHED = requestEnds.indexOf('finished');

export const latencyColumns = new Derived('latencies', ({ requests }) => {
  const { end, arrival, firstToken, finished, outputTokens } = requestColumns(requests);
  const done = Int32Array.from(requests.keys())
    .filter(i => end[i] === FINISHED)
    .sort((a, b) => finished[a]! - finished[b]!);
  const column = (of: (request: number) => number) => Float64Array.from(done, of);
  const columns: Columns = {
    finished: column(i => finished[i]!),
    ttft: column(i => firstToken[i]! - arrival[i]!),
    tpot: column(i =>
      outputTokens[i]! > 1 ? (finished[i]! - firstToken[i]!) / (outputTokens[i]! - 1) : Number.NaN,
    ),
    e2e: column(i => finished[i]! - arrival[i]!),
  };
  return { columns, whole: latenciesOf(columns, 0, done.length) };
});

export function latenciesIn(recording: Recording, [from, to]: Span): Latencies {
  const { columns, whole } = latencyColumns.of(recording);
  const { finished } = columns;
  const first = firstWhere(0, finished.length, i => finished[i]! >= from);
  const end = firstWhere(first, finished.length, i => finished[i]! > to);
  return end - first === finished.length ? whole : latenciesOf(columns, first, end);
}

function latenciesOf({ ttft, tpot, e2e }: Columns, from: number, to: number): Latencies {
  return {
    finished: to - from,
    ttft: percentiles(ttft.slice(from, to)),
    tpot: percentiles(tpot.slice(from, to).filter(time => !Number.isNaN(time))),
    e2e: percentiles(e2e.slice(from, to)),
  };
}
