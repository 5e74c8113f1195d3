import { UsageError } from '../../core/errors.ts';
import type { Seconds } from '../../core/units.ts';
import { Fields, parseJson, shown } from '../workload/trace/fields.ts';
import { measuredFormats } from './formats.ts';
import type { MeasuredRequest, MeasuredRun } from './measured.ts';

type Row = Readonly<Record<string, unknown>>;

/** By these a result of `vllm bench serve` is known, detailed or not. */
const benchFields = ['input_lens', 'output_lens', 'ttfts', 'itls', 'request_throughput', 'mean_ttft_ms'];

/** The result of `vllm bench serve --save-result --save-detailed`: a list per column, times of the client. */
export function readBenchResult(text: string, file: string): MeasuredRun {
  const result = parseJson(text);
  if (typeof result !== 'object' || result === null || Array.isArray(result))
    throw new UsageError(`${file}: expected one JSON object, found ${shown(text.trim())}`);
  const row = result as Row;
  if (!benchFields.some(name => name in row)) {
    const names = Object.keys(row).slice(0, 5);
    const has =
      names.length === 0 ? 'with nothing in it' : `with ${names.map(name => `"${name}"`).join(', ')}`;
    throw new UsageError(
      `${file}: a JSON object ${has} is no measured run that Quire knows; expected ${measuredFormats}`,
    );
  }
  const inputs = list(row, 'input_lens', file);
  const columns = {
    outputs: list(row, 'output_lens', file, inputs.length),
    ttfts: list(row, 'ttfts', file, inputs.length),
    itls: list(row, 'itls', file, inputs.length),
    starts: startsOf(row, file, inputs.length),
  };
  const fields = new Fields(file, 'field');
  fields.line = 1;
  const requests: MeasuredRequest[] = [];
  for (let i = 0; i < inputs.length; i++) {
    const outputTokens = fields.whole(columns.outputs[i], `output_lens[${i}]`, 0);
    if (outputTokens === 0) continue;
    const ttft = fields.time(columns.ttfts[i], `ttfts[${i}]`, 'seconds');
    if (ttft === 0) fields.fail(`ttfts[${i}]`, 'a number of seconds above 0', ttft);
    requests.push({
      arrival: columns.starts ? fields.number(columns.starts[i], `start_times[${i}]`) : 0,
      promptTokens: fields.whole(inputs[i], `input_lens[${i}]`, 1),
      outputTokens,
      ttft,
      e2el: ttft + sumOf(columns.itls[i], `itls[${i}]`, fields),
    });
  }
  const limited = typeof row['max_concurrency'] === 'number';
  const notes = limited
    ? [
        `the benchmark kept to ${row['max_concurrency']} requests at once: their times are replayed, not that rule`,
      ]
    : [];
  const modelName = row['model_id'];
  return {
    requests,
    failed: inputs.length - requests.length,
    clientSide: true,
    notes,
    ...(typeof modelName === 'string' && { modelName }),
  };
}

/** Versions before `start_times` tell when requests came only where all came at once. */
function startsOf(row: Row, file: string, length: number): readonly unknown[] | undefined {
  if (row['start_times'] !== undefined) return list(row, 'start_times', file, length);
  const together = row['request_rate'] === 'inf' || row['request_rate'] === Number.POSITIVE_INFINITY;
  const limited = row['max_concurrency'] !== undefined && row['max_concurrency'] !== null;
  if (together && !limited) return undefined;
  throw new UsageError(
    `${file}: no "start_times", so nobody can tell when the requests came; benchmark with a newer vLLM, or at ` +
      '--request-rate inf without --max-concurrency',
  );
}

function sumOf(value: unknown, name: string, fields: Fields): Seconds {
  if (!Array.isArray(value)) return fields.fail(name, 'a list of seconds', value);
  let sum = 0;
  for (let i = 0; i < value.length; i++) sum += fields.time(value[i], `${name}[${i}]`, 'seconds');
  return sum;
}

function list(row: Row, name: string, file: string, length?: number): readonly unknown[] {
  const value = row[name];
  if (!Array.isArray(value)) {
    throw new UsageError(
      `${file}: field "${name}": expected a list, found ${shown(value)}; save the benchmark with --save-detailed`,
    );
  }
  if (length !== undefined && value.length !== length) {
    throw new UsageError(
      `${file}: "${name}" has ${value.length} entries and "input_lens" ${length}; they must be as many`,
    );
  }
  return value;
}
