import type { Arrival } from '../workload.ts';
import { Fields } from './fields.ts';
import { lines } from './lines.ts';

/** One trace being read. */
export interface TraceInput {
  /** Name for messages. */
  readonly file: string;
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Whether to say what requests contain, where the trace knows it. */
  readonly content: boolean;
  /** Rows after so many arrivals are not looked at. */
  readonly limit: number;
  /** Called for each row left out on purpose, such as a failed request. */
  readonly skip: () => void;
}

/**
 * Reads one format: arrivals in ascending time, a chunk at a time. Throws `UsageError` naming file, line and
 * column at the first row that is wrong. Where the trace knows the content and `input.content` asks for it,
 * `tokens` is set.
 */
export type TraceReader = (input: TraceInput) => AsyncGenerator<Arrival[], void, undefined>;

/** What becomes of one line: an arrival, or nothing (a header, a row left out). */
export type RowReader = (text: string, fields: Fields) => Arrival | undefined;

/** A reader of a format with a row a line; blank lines do not count. `start` is called once a file. */
export function rowsReader(kind: 'column' | 'field', start: (input: TraceInput) => RowReader): TraceReader {
  return async function* (input) {
    const fields = new Fields(input.file, kind);
    const row = start(input);
    let left = input.limit;
    for await (const { first, texts } of lines(input.bytes, input.file)) {
      const chunk: Arrival[] = [];
      for (let i = 0; i < texts.length; i++) {
        const text = texts[i]!;
        if (text.trim() === '') continue;
        fields.line = first + i;
        const arrival = row(text, fields);
        if (arrival && chunk.push(arrival) === left) break;
      }
      if (chunk.length > 0) yield chunk;
      left -= chunk.length;
      if (left === 0) return;
    }
  };
}
