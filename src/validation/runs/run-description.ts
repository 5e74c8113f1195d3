import { z } from 'zod';
import { UsageError } from '../../core/errors.ts';
import type { Bytes, Tokens } from '../../core/units.ts';
import type { Deployment } from '../../sim/deployment.ts';
import { gpus } from '../../sim/hardware/catalogue.ts';
import { meansGpu, sameModel } from '../../sim/kernels/names.ts';
import { models } from '../../sim/models/catalogue.ts';
import type { DataFolder } from '../study.ts';

/** A server of vLLM as its `meta.json` describes it (LLMServingSim's `bench` writes one beside each run). */
export interface RunDescription {
  readonly path: string;
  readonly version: string;
  readonly deployment: Deployment;
  /** Memory of one GPU as the driver gave it, where that was written down. */
  readonly gpuMemory: Bytes | undefined;
  readonly gpuMemoryUtilization: number;
  readonly maxNumSeqs: number | undefined;
  readonly maxNumBatchedTokens: Tokens | undefined;
  readonly maxModelLen: Tokens | undefined;
  readonly prefixCaching: boolean;
  /** vLLM compiles the model unless it was started with `--enforce-eager`. */
  readonly compiles: boolean;
  /** What the server found room for; absent: not written down. */
  readonly cache:
    | { readonly blocks: number; readonly blockSize: Tokens; readonly wasSet: boolean }
    | undefined;
  /** File of the workload, without its folder. */
  readonly dataset: string | undefined;
}

const count = z.number().int().positive().nullish();
const flags = z.object({
  tensor_parallel_size: count,
  pipeline_parallel_size: count,
  data_parallel_size: count,
  enable_expert_parallel: z.boolean().nullish(),
  max_num_seqs: count,
  max_num_batched_tokens: count,
  max_model_len: count,
  kv_cache_dtype: z.string().nullish(),
  quantization: z.string().nullish(),
  enforce_eager: z.boolean().nullish(),
  gpu_memory_utilization: z.number().nullish(),
  enable_prefix_caching: z.boolean().nullish(),
  block_size: count,
});
const meta = z.object({
  model: z.string(),
  vllm_version: z.string(),
  engine_kwargs: flags,
  dataset_path: z.string().nullish(),
  kv_cache: z
    .object({
      num_gpu_blocks: count,
      block_size: count,
      gpu_memory_utilization: z.number().nullish(),
      enable_prefix_caching: z.boolean().nullish(),
      kv_cache_memory_bytes: z.number().nullish(),
    })
    .nullish(),
  hardware: z
    .object({ device_name: z.string().nullish(), device_total_memory_bytes: z.number().nullish() })
    .nullish(),
  resolved_config: z
    .object({
      cache_config: flags
        .partial()
        .extend({ num_gpu_blocks_override: z.number().nullish(), cache_dtype: z.string().nullish() })
        .nullish(),
      model_config: flags.partial().nullish(),
      scheduler_config: flags.partial().nullish(),
    })
    .nullish(),
});
type Meta = z.infer<typeof meta>;

const ending = /(^|[/_])meta\.json(\.gz)?$/;

/** The files of a folder that may describe a run: `<gpu>_<model>_vllm_meta.json`, or `meta.json` in a folder. */
export const descriptionsIn = (paths: readonly string[]): string[] => paths.filter(path => ending.test(path));

/** What stands beside a description: `requests.csv` of the same run. */
export function besideDescription(path: string, name: string, paths: readonly string[]): string | undefined {
  const wanted = path.replace(ending, `$1${name}`);
  return paths.find(other => other.replace(/\.gz$/, '') === wanted);
}

/** `RTX4090_Llama-3.1-8B_vllm` of `…/RTX4090_Llama-3.1-8B_vllm_meta.json`; of `…/a/vllm/meta.json` that is `a/vllm`. */
export function runName(path: string): string {
  const folders = path.replace(ending, '').split('/');
  return path.endsWith('/meta.json') || path.endsWith('/meta.json.gz')
    ? folders.slice(-2).join('/')
    : folders.at(-1)!;
}

/** @throws UsageError that says why the run cannot be simulated, or where the file is not what its name says. */
export async function describeRun(data: DataFolder, path: string): Promise<RunDescription> {
  const described = parseMeta(await data.text(path), path);
  const { engine_kwargs: asked, kv_cache: cache, resolved_config: resolved } = described;
  const {
    scheduler_config: scheduler,
    cache_config: cacheConfig,
    model_config: modelConfig,
  } = resolved ?? {};
  const groups = [
    ['pipeline', asked.pipeline_parallel_size],
    ['data', asked.data_parallel_size],
  ] as const;
  for (const [kind, size] of groups) {
    if ((size ?? 1) > 1) throw new UsageError(`${path}: ${kind} parallelism is not modelled`);
  }
  if (asked.enable_expert_parallel) throw new UsageError(`${path}: expert parallelism is not modelled`);
  const blockSize = cache?.block_size ?? cacheConfig?.block_size;
  const blocks = cache?.num_gpu_blocks;
  return {
    path,
    version: described.vllm_version,
    deployment: deploymentOf(described, path),
    gpuMemory: described.hardware?.device_total_memory_bytes ?? undefined,
    gpuMemoryUtilization:
      cache?.gpu_memory_utilization ??
      asked.gpu_memory_utilization ??
      cacheConfig?.gpu_memory_utilization ??
      0.9,
    maxNumSeqs: asked.max_num_seqs ?? scheduler?.max_num_seqs ?? undefined,
    maxNumBatchedTokens: asked.max_num_batched_tokens ?? scheduler?.max_num_batched_tokens ?? undefined,
    maxModelLen: asked.max_model_len ?? modelConfig?.max_model_len ?? undefined,
    prefixCaching:
      cache?.enable_prefix_caching ??
      asked.enable_prefix_caching ??
      cacheConfig?.enable_prefix_caching ??
      true,
    compiles: !(asked.enforce_eager ?? modelConfig?.enforce_eager),
    cache: blocks
      ? {
          blocks,
          blockSize: blockSize ?? 16,
          wasSet: Boolean(cache?.kv_cache_memory_bytes ?? cacheConfig?.num_gpu_blocks_override),
        }
      : undefined,
    dataset: described.dataset_path?.split('/').at(-1),
  };
}

function deploymentOf({ model: title, engine_kwargs: asked, hardware, resolved_config }: Meta, path: string) {
  const label = runName(path).split(/[_/]/)[0]!;
  const device = hardware?.device_name ?? label;
  // A driver may name an edition that the catalogue does not tell apart; then the name of the file decides.
  const gpu = [device, label].map(name => gpus.find(candidate => meansGpu(name, candidate))).find(Boolean);
  if (!gpu) throw new UsageError(`${path}: GPU ${device} is not known`);
  const model = models.find(candidate => sameModel(candidate.title, title));
  if (!model) throw new UsageError(`${path}: model ${title} is not known`);
  const quantisation = asked.quantization ?? resolved_config?.model_config?.quantization;
  const fp8 = quantisation === 'fp8' || /-fp8\b/i.test(title);
  if (quantisation && !fp8) throw new UsageError(`${path}: quantisation ${quantisation} is not modelled`);
  const kv = asked.kv_cache_dtype ?? resolved_config?.cache_config?.cache_dtype ?? 'auto';
  return {
    model,
    gpu,
    tensorParallel: asked.tensor_parallel_size ?? 1,
    weights: fp8 ? ('fp8' as const) : ('fp16' as const),
    kv: kv.startsWith('fp8') ? ('fp8' as const) : ('fp16' as const),
  };
}

function parseMeta(text: string, path: string): Meta {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${path}: not JSON: ${(error as Error).message}`);
  }
  const parsed = meta.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new UsageError(`${path}: ${issue.path.join('.')}: ${issue.message}`);
}

/** `llama-3.1-8b on rtx-4090`, and what is not the default. */
export function deploymentText({ model, gpu, tensorParallel, weights, kv }: Deployment): string {
  const precision = [weights === 'fp16' ? '' : ` ${weights}`, kv === 'fp16' ? '' : `, ${kv} KV`].join('');
  return `${model.name}${precision} on ${tensorParallel > 1 ? `${tensorParallel} × ` : ''}${gpu.name}`;
}
