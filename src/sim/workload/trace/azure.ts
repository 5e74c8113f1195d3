import type { Seconds } from '../../../core/units.ts';
import { columnNames, splitRow } from './csv.ts';
import type { Fields } from './fields.ts';
import { type RowReader, rowsReader, type TraceReader } from './reader.ts';

/** Names of the columns in the dialects: Azure's own, those of `shared/data`, and Vidur's. */
const DIALECTS = [
  { time: 'TIMESTAMP', prompt: 'ContextTokens', output: 'GeneratedTokens' },
  { time: 'arrival_s', prompt: 'input_tokens', output: 'output_tokens' },
  { time: 'arrived_at', prompt: 'num_prefill_tokens', output: 'num_decode_tokens' },
] as const;

/** Whether a CSV with this header is one of the dialects; the time may be absent. */
export function isAzureHeader(header: string): boolean {
  return dialectOf(columnNames(header)) !== undefined;
}

/** Whether such a header names no time that is understood, so that all requests arrive at 0. */
export function isUntimed(header: string): boolean {
  const columns = columnNames(header);
  return !columns.includes(dialectOf(columns)!.time);
}

function dialectOf(columns: readonly string[]) {
  return DIALECTS.find(({ prompt, output }) => columns.includes(prompt) && columns.includes(output));
}

/**
 * The Azure LLM inference traces (Splitwise, ISCA 2024; DynamoLLM, HPCA 2025), a CSV of time, prompt and
 * output length. A calendar time counts from the first row; without a time column all arrive at 0.
 */
export const azure: TraceReader = rowsReader('column', () => {
  let row: RowReader | undefined;
  return (text, fields) => {
    if (row) return row(text, fields);
    row = rowReader(columnNames(text));
    return undefined;
  };
});

function rowReader(columns: readonly string[]): RowReader {
  const dialect = dialectOf(columns) ?? DIALECTS[1];
  const { time, prompt, output } = dialect;
  const at = {
    time: columns.indexOf(time),
    prompt: columns.indexOf(prompt),
    output: columns.indexOf(output),
  };
  const toSeconds = time === 'TIMESTAMP' ? calendarClock(time) : secondsOf(time);
  return (text, fields) => {
    const cells = splitRow(text);
    return {
      arrival: at.time < 0 ? 0 : fields.ascending(toSeconds(cells[at.time], fields), time, cells[at.time]),
      promptTokens: fields.whole(cells[at.prompt], prompt, 1),
      outputTokens: [fields.whole(cells[at.output], output, 1)],
    };
  };
}

type Clock = (value: string | undefined, fields: Fields) => Seconds;

function secondsOf(column: string): Clock {
  return (value, fields) => fields.time(value, column, 'seconds');
}

/** Seconds since the first time asked for. Days and seconds apart, as digits below 10⁻⁷ s would be lost. */
function calendarClock(column: string): Clock {
  let start: { day: number; second: number } | undefined;
  return (value, fields) => {
    const [, y, mo, d, h, mi, s, sign, zh, zm] = CALENDAR.exec(value ?? '') ?? [];
    const month = Number(mo);
    if (y === undefined || !(month >= 1 && month <= 12) || Number(h) > 23 || Number(mi) > 59) {
      return fields.fail(column, 'a time like "2023-11-16 18:15:46.6805900"', value);
    }
    const offset = sign ? (sign === '-' ? -60 : 60) * (Number(zh) * 60 + Number(zm)) : 0;
    const day = dayNumber(Number(y), month, Number(d));
    const second = Number(h) * 3600 + Number(mi) * 60 + Number(s) - offset;
    start ??= { day, second };
    return (day - start.day) * 86_400 + (second - start.second);
  };
}

const CALENDAR =
  /^\s*(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d(?:\.\d+)?)(?:\s*(?:Z|UTC|([+-])(\d\d):?(\d\d)))?\s*$/;

/** Days of the proleptic Gregorian calendar from 0000-03-01, the year taken to begin in March. */
function dayNumber(year: number, month: number, day: number): number {
  const y = month > 2 ? year : year - 1;
  const monthFromMarch = (month + 9) % 12;
  const leapDays = Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400);
  return y * 365 + leapDays + Math.floor((153 * monthFromMarch + 2) / 5) + day - 1;
}
