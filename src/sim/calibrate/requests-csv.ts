import { UsageError } from '../../core/errors.ts';
import type { Seconds } from '../../core/units.ts';
import { columnNames, splitRow } from '../workload/trace/csv.ts';
import { Fields } from '../workload/trace/fields.ts';
import type { MeasuredRequest, MeasuredRun } from './measured.ts';

const PROMPT = 'input_toks';
const OUTPUT = 'output_toks';
const FIRST = 'first_token_s';
const LAST = 'last_token_s';

/** Whether a CSV with this header says how long and how late requests were. */
export function isRequestsHeader(header: string): boolean {
  const columns = columnNames(header);
  return [PROMPT, OUTPUT].every(name => columns.includes(name));
}

/**
 * A row a request, as the engine itself logged it (the files that LLMServingSim validates against): lengths,
 * and seconds since one start. Latencies count from `arrival_s`, from `queued_s` where that is absent: an
 * engine queues requests between steps, so `queued_s` already lacks the rest of the step they came in.
 */
export function readRequestsCsv(rows: readonly string[], file: string): MeasuredRun {
  const head = rows.findIndex(row => row.trim() !== '');
  const columns = columnNames(rows[head]!);
  const arrived = columns.includes('arrival_s') ? 'arrival_s' : 'queued_s';
  const missing = [arrived, FIRST, LAST].find(name => !columns.includes(name));
  if (missing !== undefined) {
    const needed = missing === 'queued_s' ? 'arrival_s or queued_s' : missing;
    throw new UsageError(`${file}: no column ${needed}: lengths without times cannot calibrate anything`);
  }
  const fields = new Fields(file, 'column');
  const requests: MeasuredRequest[] = [];
  let failed = 0;
  for (let i = head + 1; i < rows.length; i++) {
    if (rows[i]!.trim() === '') continue;
    fields.line = i + 1;
    const cells = splitRow(rows[i]!);
    const cell = (name: string) => cells[columns.indexOf(name)];
    const outputTokens = fields.whole(cell(OUTPUT), OUTPUT, 0);
    if (outputTokens === 0) {
      failed++;
      continue;
    }
    const arrival = fields.time(cell(arrived), arrived, 'seconds');
    const first = after(arrival, FIRST, `a time after ${arrived}`, cell(FIRST), fields);
    const last = fields.time(cell(LAST), LAST, 'seconds');
    if (last < first) fields.fail(LAST, `a time not before ${FIRST}`, cell(LAST));
    requests.push({
      arrival,
      promptTokens: fields.whole(cell(PROMPT), PROMPT, 1),
      outputTokens,
      ttft: first - arrival,
      e2el: last - arrival,
    });
  }
  return { requests, failed, clientSide: false, notes: [] };
}

function after(
  start: Seconds,
  name: string,
  expected: string,
  value: string | undefined,
  fields: Fields,
): Seconds {
  const time = fields.time(value, name, 'seconds');
  if (!(time > start)) fields.fail(name, expected, value);
  return time;
}
