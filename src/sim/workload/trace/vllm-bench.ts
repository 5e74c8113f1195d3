import { UsageError } from '../../../core/errors.ts';
import type { Arrival } from '../workload.ts';
import { Fields, parseJson, shown } from './fields.ts';
import { lines } from './lines.ts';
import type { TraceReader } from './reader.ts';

/**
 * The result of `vllm bench serve --save-result --save-detailed`, as a workload: what was sent, when. It is
 * one JSON object with a list per column, so it is read whole. Requests that failed (`output_lens` 0) are
 * left out; without `start_times` (older versions) all arrive at 0.
 */
export const vllmBench: TraceReader = async function* ({ bytes, file, limit, skip }) {
  const result = await wholeObject(bytes, file);
  const fields = new Fields(file, 'field');
  fields.line = 1;
  const prompts = list(result, 'input_lens', file);
  const outputs = list(result, 'output_lens', file);
  const starts = result['start_times'] === undefined ? undefined : list(result, 'start_times', file);
  for (const [name, column] of [
    ['output_lens', outputs],
    ['start_times', starts],
  ] as const) {
    if (column && column.length !== prompts.length) {
      throw new UsageError(
        `${file}: "${name}" has ${column.length} entries and "input_lens" ${prompts.length}; they must be as many`,
      );
    }
  }
  const arrivals: Arrival[] = [];
  for (let i = 0; i < prompts.length; i++) {
    const output = fields.whole(outputs[i], `output_lens[${i}]`, 0);
    if (output === 0) {
      skip();
      continue;
    }
    arrivals.push({
      arrival: starts ? fields.number(starts[i], `start_times[${i}]`) : 0,
      promptTokens: fields.whole(prompts[i], `input_lens[${i}]`, 1),
      outputTokens: [output],
    });
  }
  // Requests are listed in the order of the data set, and tasks start in nearly that order.
  arrivals.sort((a, b) => a.arrival - b.arrival);
  const start = arrivals[0]?.arrival ?? 0;
  if (arrivals.length > 0) yield arrivals.slice(0, limit).map(a => ({ ...a, arrival: a.arrival - start }));
};

async function wholeObject(bytes: AsyncIterable<Uint8Array>, file: string): Promise<Record<string, unknown>> {
  let text = '';
  for await (const batch of lines(bytes, file, MAX_CHARACTERS)) text += `${batch.texts.join('\n')}\n`;
  const value = parseJson(text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new UsageError(`${file}: expected one JSON object, found ${shown(text.trim())}`);
}

function list(result: Record<string, unknown>, name: string, file: string): readonly unknown[] {
  const value = result[name];
  if (Array.isArray(value)) return value;
  throw new UsageError(
    `${file}: field "${name}": expected a list, found ${shown(value)}; save the benchmark with --save-detailed`,
  );
}

/** The longest string of V8 is 2²⁹ characters less a few. */
const MAX_CHARACTERS = 2 ** 29 - 1024;
