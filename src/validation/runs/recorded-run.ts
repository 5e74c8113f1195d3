import { csvParse } from 'd3-dsv';
import { z } from 'zod';
import { UsageError } from '../../core/errors.ts';
import type { Seconds, Tokens } from '../../core/units.ts';
import type { Config } from '../../sim/config.ts';
import { gpus } from '../../sim/hardware/catalogue.ts';
import type { Gpu } from '../../sim/hardware/gpu.ts';
import { sameModel, sameName } from '../../sim/kernels/names.ts';
import { models } from '../../sim/models/catalogue.ts';
import type { Model } from '../../sim/models/model.ts';
import { openTrace } from '../../sim/workload/trace/detect.ts';
import type { Arrival } from '../../sim/workload/workload.ts';
import type { DataFolder } from '../study.ts';
import { readRecord } from './read-record.ts';

/** One request of a recorded run, times in seconds since the run's start. */
export interface RecordedRequest {
  readonly inputTokens: Tokens;
  readonly outputTokens: Tokens;
  readonly arrival: Seconds;
  readonly firstToken: Seconds;
  readonly lastToken: Seconds;
}

/** A run of vLLM whose requests were timed one by one, as LLMServingSim's `bench` records them. */
export interface RecordedRun {
  /** File name without its ending: `RTX4090_Llama-3.1-8B_vllm`. */
  readonly name: string;
  readonly version: string;
  readonly gpu: Gpu;
  readonly model: Model;
  /** The server's flags, as settings; its KV blocks are apart. */
  readonly config: Config;
  readonly numGpuBlocks: number;
  readonly blockSize: Tokens;
  readonly requests: readonly RecordedRequest[];
  /** What was sent, with the content of the prompts where the workload is among the data. */
  readonly arrivals: readonly Arrival[];
}

const meta = z.object({
  model: z.string(),
  vllm_version: z.string(),
  engine_kwargs: z.object({
    tensor_parallel_size: z.number().default(1),
    max_num_seqs: z.number().optional(),
    max_num_batched_tokens: z.number().optional(),
    max_model_len: z.number().optional(),
    kv_cache_dtype: z.string().default('auto'),
  }),
  dataset_path: z.string().optional(),
  kv_cache: z.object({
    num_gpu_blocks: z.number(),
    block_size: z.number(),
    gpu_memory_utilization: z.number(),
    enable_prefix_caching: z.boolean(),
  }),
  hardware: z.object({ device_name: z.string() }),
});
type Meta = z.infer<typeof meta>;

const ending = /_meta\.json(\.gz)?$/;

/**
 * Every recorded run of a folder: pairs of `<gpu>_<model>_vllm_meta.json` and `…_requests.csv`. Runs of
 * GPUs or models that the catalogues do not have are left out and named in `skipped`.
 *
 * @throws UsageError at a file that is not what its name says.
 */
export async function recordedRuns(
  data: DataFolder,
): Promise<{ readonly runs: readonly RecordedRun[]; readonly skipped: readonly string[] }> {
  const paths = await data.list();
  const runs: RecordedRun[] = [];
  const skipped: string[] = [];
  for (const path of paths.filter(name => ending.test(name))) {
    const requests = paths.find(
      other => other.replace(/\.gz$/, '') === path.replace(ending, '_requests.csv'),
    );
    if (requests === undefined) continue;
    const described = readRecord(meta, await data.text(path), path);
    const gpu = gpus.find(
      ({ name, title }) => sameName(name, gpuOf(path)) || described.hardware.device_name.startsWith(title),
    );
    const model = models.find(({ title }) => sameModel(title, described.model));
    if (!gpu || !model) {
      skipped.push(
        `${path}: ${gpu ? `model ${described.model}` : `GPU ${described.hardware.device_name}`} is not known`,
      );
      continue;
    }
    const rows = parseRequests(await data.text(requests), requests);
    const name = path.split('/').at(-1)!.replace(ending, '');
    const arrivals = await arrivalsOf(data, paths, described, rows);
    runs.push({ name, gpu, model, requests: rows, arrivals, ...serverOf(described, gpu, model) });
  }
  return { runs, skipped };
}

/** `RTX4090` of `vllm-runs/RTX4090_Llama-3.1-8B_vllm_meta.json`. */
const gpuOf = (path: string) => path.split('/').at(-1)!.split('_')[0]!;

function serverOf(described: Meta, gpu: Gpu, model: Model) {
  const { engine_kwargs: flags, kv_cache: memory } = described;
  const config: Config = {
    policy: ['vllm'],
    model: model.name,
    gpu: gpu.name,
    tensor_parallel: flags.tensor_parallel_size,
    kv_cache_dtype: flags.kv_cache_dtype.startsWith('fp8') ? 'fp8' : 'fp16',
    gpu_memory_utilization: memory.gpu_memory_utilization,
    block_size: memory.block_size,
    prefix_caching: memory.enable_prefix_caching ? 'on' : 'off',
    // Its clients ask for as many tokens as the trace has, and ignore the end of sequence.
    max_tokens: 'exact',
    ...(flags.max_num_seqs !== undefined && { max_num_seqs: flags.max_num_seqs }),
    ...(flags.max_num_batched_tokens !== undefined && {
      max_num_batched_tokens: flags.max_num_batched_tokens,
    }),
    ...(flags.max_model_len !== undefined && { max_model_len: flags.max_model_len }),
  };
  return {
    version: described.vllm_version,
    config,
    numGpuBlocks: memory.num_gpu_blocks,
    blockSize: memory.block_size,
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
  { dataset_path: dataset }: Meta,
  requests: readonly RecordedRequest[],
): Promise<Arrival[]> {
  const file = dataset?.split('/').at(-1);
  const path = paths.find(name => name.split('/').at(-1)!.replace(/\.gz$/, '') === file);
  const sent: Arrival[] = [];
  if (path !== undefined) {
    const bytes = await data.bytes(path);
    const trace = await openTrace(once(bytes), { fileName: path, content: true });
    for await (const chunk of trace.chunks()) sent.push(...chunk);
  }
  return requests.map(({ inputTokens, outputTokens, arrival }, i) => {
    const tokens = sent[i]?.promptTokens === inputTokens ? sent[i]!.tokens : undefined;
    return { arrival, promptTokens: inputTokens, outputTokens: [outputTokens], ...(tokens && { tokens }) };
  });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}
