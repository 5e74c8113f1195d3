import { csvParse } from 'd3-dsv';
import { UsageError } from '../../core/errors.ts';
import type { Seconds, Tokens } from '../../core/units.ts';
import type { Config } from '../../sim/config.ts';
import { openTrace } from '../../sim/workload/trace/detect.ts';
import type { Arrival } from '../../sim/workload/workload.ts';
import type { DataFolder } from '../study.ts';
import {
  besideDescription,
  describeRun,
  descriptionsIn,
  type RunDescription,
  runName,
} from './run-description.ts';

/** One request of a recorded run, times in seconds since the run's start. */
export interface RecordedRequest {
  /** As the file has it: `bench-12`. */
  readonly id: string | undefined;
  readonly inputTokens: Tokens;
  readonly outputTokens: Tokens;
  readonly arrival: Seconds;
  readonly firstToken: Seconds;
  readonly lastToken: Seconds;
}

/** A run of vLLM whose requests were timed one by one, as LLMServingSim's `bench` records them. */
export interface RecordedRun {
  readonly name: string;
  readonly description: RunDescription;
  /** The server's flags, as settings. */
  readonly config: Config;
  readonly requests: readonly RecordedRequest[];
  /** What was sent, in order of time, with the content of the prompts where the workload is among the data. */
  readonly arrivals: readonly Arrival[];
}

/** Every recorded run of a folder: a description with `requests.csv` beside it; of others, why they are left out. */
export async function recordedRuns(
  data: DataFolder,
): Promise<{ readonly runs: readonly RecordedRun[]; readonly skipped: readonly string[] }> {
  const paths = await data.list();
  const runs: RecordedRun[] = [];
  const skipped: string[] = [];
  for (const path of descriptionsIn(paths)) {
    const requests = besideDescription(path, 'requests.csv', paths);
    if (requests === undefined) continue;
    try {
      const description = await describeRun(data, path);
      const rows = parseRequests(await data.text(requests), requests);
      const arrivals = await arrivalsOf(data, paths, description, rows);
      runs.push({
        name: runName(path),
        description,
        requests: rows,
        arrivals,
        config: configOf(description),
      });
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      skipped.push(`left out: ${error.message}`);
    }
  }
  return { runs, skipped };
}

function configOf(run: RunDescription): Config {
  const { deployment, cache } = run;
  return {
    policy: ['vllm'],
    model: deployment.model.name,
    gpu: deployment.gpu.name,
    tensor_parallel: deployment.tensorParallel,
    weights: deployment.weights,
    kv_cache_dtype: deployment.kv,
    gpu_memory_utilization: run.gpuMemoryUtilization,
    prefix_caching: run.prefixCaching ? 'on' : 'off',
    // Its clients ask for as many tokens as the trace has, and ignore the end of sequence.
    max_tokens: 'exact',
    ...(cache && { block_size: cache.blockSize, num_gpu_blocks_override: cache.blocks }),
    ...(run.maxNumSeqs !== undefined && { max_num_seqs: run.maxNumSeqs }),
    ...(run.maxNumBatchedTokens !== undefined && { max_num_batched_tokens: run.maxNumBatchedTokens }),
    ...(run.maxModelLen !== undefined && { max_model_len: run.maxModelLen }),
  };
}

const columns = ['input_toks', 'output_toks', 'arrival_s', 'first_token_s', 'last_token_s'] as const;

/** @throws UsageError naming the line at what is no request. */
export function parseRequests(text: string, path: string): RecordedRequest[] {
  const rows = csvParse(text.replace(/^\uFEFF/, ''));
  const missing = columns.filter(name => !rows.columns.includes(name));
  if (missing.length > 0)
    throw new UsageError(`${path}: no column ${missing.join(', ')}; expected ${columns.join(',')}`);
  return rows.map((row, i) => {
    const [inputTokens, outputTokens, arrival, firstToken, lastToken] = columns.map(name => {
      const value = row[name] === '' ? Number.NaN : Number(row[name]);
      if (Number.isFinite(value) && value >= 0) return value;
      throw new UsageError(
        `${path}, line ${i + 2}, ${name}: expected a number of at least 0, found "${row[name]}"`,
      );
    });
    return {
      id: row['request_id'],
      inputTokens: inputTokens!,
      outputTokens: outputTokens!,
      arrival: arrival!,
      firstToken: firstToken!,
      lastToken: lastToken!,
    };
  });
}

/** The recorded arrivals; what their prompts share is known from the workload, if that is the one they were made of. */
async function arrivalsOf(
  data: DataFolder,
  paths: readonly string[],
  { dataset }: RunDescription,
  requests: readonly RecordedRequest[],
): Promise<Arrival[]> {
  const path = paths.find(name => name.split('/').at(-1)!.replace(/\.gz$/, '') === dataset);
  const sent: Arrival[] = [];
  if (path !== undefined) {
    const bytes = await data.bytes(path);
    const trace = await openTrace(once(bytes), { fileName: path, content: true });
    for await (const chunk of trace.chunks()) sent.push(...chunk);
  }
  const ids = requests.map(idNumber);
  const numbered = ids.every(id => id !== undefined) && new Set(ids).size === ids.length;
  return requests
    .map(({ inputTokens, outputTokens, arrival }, row) => {
      const source = sent[numbered ? ids[row]! : row];
      const tokens = source?.promptTokens === inputTokens ? source.tokens : undefined;
      return { arrival, promptTokens: inputTokens, outputTokens: [outputTokens], ...(tokens && { tokens }) };
    })
    .sort((a, b) => a.arrival - b.arrival);
}

/** `bench-12` is line 12 of the workload, counted from 0. */
function idNumber({ id }: RecordedRequest): number | undefined {
  const digits = id?.match(/\d+$/)?.[0];
  return digits === undefined ? undefined : Number(digits);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}
