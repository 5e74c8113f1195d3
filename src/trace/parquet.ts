import { ByteWriter, parquetWrite } from 'hyparquet-writer';
import { slotKinds } from '../core/kv-memory.ts';
import type { RecordedRequest, Recording, StepColumns } from './recording.ts';

type Type = 'INT32' | 'DOUBLE' | 'STRING';

interface Column {
  readonly name: string;
  readonly type: Type;
  readonly data: (string | number | null)[];
}

/** A row for each request of each run; units are in the names of the columns, null is "it did not come to that". */
export function requestsParquet(recordings: readonly Recording[]): Uint8Array {
  const column = (
    name: string,
    type: Type,
    value: (request: RecordedRequest) => string | number,
  ): Column => ({
    name,
    type,
    data: recordings.flatMap(({ requests }) => requests.map(request => known(value(request)))),
  });
  const tokens = (name: string, value: (request: RecordedRequest) => number) => column(name, 'INT32', value);
  const seconds = (name: string, value: (request: RecordedRequest) => number) =>
    column(name, 'DOUBLE', value);
  return written(recordings, [
    policies(recordings, ({ requests }) => requests.length),
    column('request', 'INT32', request => request.id),
    seconds('arrival_s', request => request.arrival),
    tokens('prompt_tokens', request => request.promptTokens),
    tokens('max_tokens', request => request.maxTokens),
    column('width', 'INT32', request => request.width),
    column('priority', 'INT32', request => request.priority),
    tokens('output_tokens', request => request.outputTokens),
    tokens('cached_tokens', request => request.cachedTokens),
    seconds('admitted_s', request => request.admitted),
    seconds('first_token_s', request => request.firstToken),
    seconds('finished_s', request => request.finished),
    seconds('ttft_s', request => request.firstToken - request.arrival),
    seconds('tpot_s', ({ finished, firstToken, outputTokens }) =>
      outputTokens > 1 ? (finished - firstToken) / (outputTokens - 1) : Number.NaN,
    ),
    seconds('e2el_s', request => request.finished - request.arrival),
    column('preemptions', 'INT32', request => request.preemptions),
    column('end', 'STRING', request => request.end),
  ]);
}

/** A row for each step of each run; slots of the KV memory by kind while it ran. */
export function stepsParquet(recordings: readonly Recording[]): Uint8Array {
  const column = (name: string, type: Type, values: (steps: StepColumns) => ArrayLike<number>): Column => ({
    name,
    type,
    data: recordings.flatMap(({ steps }) => Array.from(values(steps)).slice(0, steps.count)),
  });
  return written(recordings, [
    policies(recordings, ({ steps }) => steps.count),
    column('step', 'INT32', ({ count }) => Array.from({ length: count }, (_, i) => i)),
    column('start_s', 'DOUBLE', steps => steps.time),
    column('end_s', 'DOUBLE', steps => steps.end),
    column('running_requests', 'INT32', steps => steps.running),
    column('waiting_requests', 'INT32', steps => steps.waiting),
    column('held_requests', 'INT32', steps => steps.held),
    column('prefill_tokens', 'INT32', steps => steps.prefillTokens),
    column('decode_tokens', 'INT32', steps => steps.decodeTokens),
    column('compute_bound_s', 'DOUBLE', steps => steps.compute),
    column('bandwidth_bound_s', 'DOUBLE', steps => steps.bandwidth),
    column('overhead_s', 'DOUBLE', steps => steps.overhead),
    ...slotKinds.map(kind => column(`kv_${kind}_slots`, 'DOUBLE', steps => steps.usage[kind])),
  ]);
}

function policies(recordings: readonly Recording[], rows: (recording: Recording) => number): Column {
  const data = recordings.flatMap(recording => new Array<string>(rows(recording)).fill(recording.policy));
  return { name: 'policy', type: 'STRING', data };
}

const known = (value: string | number) => (typeof value === 'number' && Number.isNaN(value) ? null : value);

function written(recordings: readonly Recording[], columnData: Column[]): Uint8Array {
  const writer = new ByteWriter();
  const kvMetadata = recordings.map(({ policy, config }) => ({
    key: `quire.config.${policy}`,
    value: JSON.stringify(config),
  }));
  parquetWrite({ writer, columnData, kvMetadata, createdBy: 'quire' });
  return writer.getBytes();
}
