import { z } from 'zod';
import { UsageError } from '../../core/errors.ts';
import { GiB } from '../../core/units.ts';
import { type CapacityOptions, kvCapacity } from '../../sim/cost/capacity.ts';
import { findGpu, gpus } from '../../sim/hardware/catalogue.ts';
import { sameModel } from '../../sim/kernels/names.ts';
import { findModel, models } from '../../sim/models/catalogue.ts';
import type { Case } from '../case.ts';
import type { Chart, DataFolder, Study } from '../study.ts';
import { type CapacityRecord, capacityRecord } from './capacity-record.ts';
import { readRecord } from './read-record.ts';

/** KV memory of one GPU, GiB: what is charted. */
interface Point {
  readonly figure: Case;
  readonly measured: number;
  readonly predicted: number;
}

/** The KV cache that vLLM finds room for at its start, on record, against the memory formula without overrides. */
export const kvCapacityStudy: Study = {
  name: 'kv-capacity',
  suite: 'vllm-runs',
  title: 'KV cache that fits: start-up logs of vLLM',
  needsData: false,
  async run({ data }) {
    const recorded = data ? await recordedStarts(data) : { points: [], skipped: [] };
    const points = [...recorded.points, ...capacityRecord.map(fromLog)];
    return {
      cases: points.map(({ figure }) => figure),
      charts: [chartOf(points)],
      notes: [
        'First starts, where vLLM counts the memory of its compiler as activations; a restart finds compiled code ' +
          'and has up to 0.8 GiB more on GPUs of 24 GB (vllm-project/vllm issues 54122, 54383).',
        ...recorded.skipped,
      ],
    };
  },
};

function fromLog(log: CapacityRecord): Point {
  const catalogued = findGpu(log.gpu);
  const model = findModel(log.model);
  if (!catalogued || !model) throw new UsageError(`${log.source}: ${log.model} or ${log.gpu} is not known`);
  const capacity = kvCapacity({ ...log, model, gpu: { ...catalogued, memory: log.memory * GiB } });
  const perSlot = capacity.kv / capacity.slots / GiB;
  const inTokens = 'tokens' in log.found;
  const measured = 'tokens' in log.found ? log.found.tokens : log.found.gib;
  const precision = log.kv === 'fp16' ? '' : `, ${log.kv} KV`;
  const point = {
    measured: inTokens ? measured * perSlot : measured,
    predicted: capacity.kv / GiB,
  };
  const figure: Case = {
    what: `${log.model} ${log.weights}${precision} on ${log.tensorParallel} × ${log.gpu}: KV ${inTokens ? 'slots' : 'memory a GPU'}`,
    source: `${log.engine}: ${log.source}`,
    unit: inTokens ? 'tokens' : 'GiB',
    measured,
    predicted: inTokens ? Math.floor(capacity.slots / 16) * 16 : point.predicted,
    ...(log.note !== undefined && { note: log.note }),
  };
  return { figure, ...point };
}

const meta = z.object({
  model: z.string(),
  vllm_version: z.string(),
  engine_kwargs: z.object({
    tensor_parallel_size: z.number().default(1),
    pipeline_parallel_size: z.number().default(1),
    max_num_seqs: z.number().optional(),
    max_num_batched_tokens: z.number().optional(),
    kv_cache_dtype: z.string().default('auto'),
    quantization: z.string().nullish(),
    enforce_eager: z.boolean().optional(),
  }),
  kv_cache: z.object({
    num_gpu_blocks: z.number(),
    block_size: z.number(),
    gpu_memory_utilization: z.number(),
    kv_cache_memory_bytes: z.number().nullish(),
  }),
  hardware: z.object({ device_name: z.string(), device_total_memory_bytes: z.number().optional() }),
  resolved_config: z
    .object({
      cache_config: z.object({ num_gpu_blocks_override: z.number().nullish() }).optional(),
      model_config: z
        .object({ enforce_eager: z.boolean().optional(), quantization: z.string().nullish() })
        .optional(),
      scheduler_config: z
        .object({ max_num_seqs: z.number().optional(), max_num_batched_tokens: z.number().optional() })
        .optional(),
    })
    .optional(),
});
type Meta = z.infer<typeof meta>;

/** Every `…_meta.json` of `vllm-runs/` that the formula can be asked about; of the others, why not. */
async function recordedStarts(data: DataFolder): Promise<{ points: Point[]; skipped: string[] }> {
  const points: Point[] = [];
  const skipped: string[] = [];
  for (const path of await data.list()) {
    if (!/(^|\/)vllm-runs\/.*_meta\.json(\.gz)?$/.test(path)) continue;
    const start = readRecord(meta, await data.text(path), path);
    const options = optionsOf(start);
    if (typeof options === 'string') skipped.push(`${path}: ${options}`);
    else points.push(fromMeta(start, options));
  }
  return { points, skipped };
}

/** What the formula needs, or why it cannot be asked. */
function optionsOf(start: Meta): CapacityOptions | string {
  const { engine_kwargs: flags, kv_cache: cache, hardware, resolved_config: resolved } = start;
  if (cache.kv_cache_memory_bytes || resolved?.cache_config?.num_gpu_blocks_override) {
    return 'its KV cache was set, not measured';
  }
  if (flags.pipeline_parallel_size > 1) return 'pipeline parallelism is not modelled';
  const gpu = gpus.find(({ title }) => hardware.device_name.startsWith(title));
  if (!gpu) return `GPU ${hardware.device_name} is not known`;
  const model = models.find(({ title }) => sameModel(title, start.model));
  if (!model) return `model ${start.model} is not known`;
  const quantisation = flags.quantization ?? resolved?.model_config?.quantization;
  const fp8 = quantisation === 'fp8' || /-fp8/i.test(start.model);
  if (quantisation && !fp8) return `quantisation ${quantisation} is not modelled`;
  const maxNumSeqs = flags.max_num_seqs ?? resolved?.scheduler_config?.max_num_seqs;
  const maxNumBatchedTokens =
    flags.max_num_batched_tokens ?? resolved?.scheduler_config?.max_num_batched_tokens;
  if (!maxNumSeqs || !maxNumBatchedTokens) return 'it does not say the largest step';
  const [major = 0, minor = 0] = start.vllm_version.split('.').map(Number);
  return {
    model,
    gpu: { ...gpu, memory: hardware.device_total_memory_bytes ?? gpu.memory },
    tensorParallel: flags.tensor_parallel_size,
    weights: fp8 ? 'fp8' : 'fp16',
    kv: flags.kv_cache_dtype.startsWith('fp8') ? 'fp8' : 'fp16',
    gpuMemoryUtilization: cache.gpu_memory_utilization,
    maxNumBatchedTokens,
    maxNumSeqs,
    compiles: !(flags.enforce_eager ?? resolved?.model_config?.enforce_eager),
    profiler: major === 0 && minor < 17 ? 'vllm-0.16' : 'vllm-0.19',
  };
}

function fromMeta(start: Meta, options: CapacityOptions): Point {
  const { num_gpu_blocks: blocks, block_size: blockSize } = start.kv_cache;
  const capacity = kvCapacity(options);
  return {
    figure: {
      what: `${options.model.name} ${options.weights} on ${options.tensorParallel} × ${options.gpu.name}: KV blocks of ${blockSize}`,
      source: `vllm ${start.vllm_version}, recorded run (LLMServingSim)`,
      unit: 'blocks',
      measured: blocks,
      predicted: Math.floor(capacity.slots / blockSize),
      bound: 0.03,
    },
    measured: (blocks * blockSize * capacity.kv) / capacity.slots / GiB,
    predicted: capacity.kv / GiB,
  };
}

function chartOf(points: readonly Point[]): Chart {
  const sorted = [...points].sort((a, b) => a.measured - b.measured);
  return {
    title: `KV memory of one GPU, ${points.length} starts of vLLM`,
    kind: 'lines',
    x: { label: 'measured, GiB', log: true },
    y: { label: 'GiB', log: true },
    series: [
      {
        name: 'formula',
        points: sorted.map(({ measured, predicted }) => [measured, predicted]),
        published: sorted.map(({ measured }) => [measured, measured]),
      },
    ],
  };
}
