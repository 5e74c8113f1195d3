import type { Seconds } from '../../../core/units.ts';
import { columnNames, splitRow } from './csv.ts';
import { type RowReader, rowsReader, type TraceInput, type TraceReader } from './reader.ts';

const TIME = 'Timestamp';
const PROMPT = 'Request tokens';
const OUTPUT = 'Response tokens';

export function isBurstGptHeader(header: string): boolean {
  const columns = columnNames(header);
  return [TIME, PROMPT, OUTPUT].every(name => columns.includes(name));
}

/**
 * BurstGPT (KDD 2025), with or without `Session ID` and `Elapsed time`. Times count from the first request,
 * as its files begin on days far apart. A row without response tokens is a failed request: left out.
 */
export const burstGpt: TraceReader = rowsReader('column', input => {
  let row: RowReader | undefined;
  return (text, fields) => {
    if (row) return row(text, fields);
    row = rowReader(columnNames(text), input);
    return undefined;
  };
});

function rowReader(columns: readonly string[], input: TraceInput): RowReader {
  const at = {
    time: columns.indexOf(TIME),
    prompt: columns.indexOf(PROMPT),
    output: columns.indexOf(OUTPUT),
  };
  let start: Seconds | undefined;
  return (text, fields) => {
    const cells = splitRow(text);
    const time = fields.time(cells[at.time], TIME, 'seconds');
    fields.ascending(time, TIME, cells[at.time]);
    const output = fields.whole(cells[at.output], OUTPUT, 0);
    if (output === 0) {
      input.skip();
      return undefined;
    }
    start ??= time;
    return {
      arrival: time - start,
      promptTokens: fields.whole(cells[at.prompt], PROMPT, 1),
      outputTokens: [output],
    };
  };
}
