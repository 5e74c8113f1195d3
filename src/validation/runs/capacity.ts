import { UsageError } from '../../core/errors.ts';
import { GiB } from '../../core/units.ts';
import { kvCapacity } from '../../sim/cost/capacity.ts';
import { findGpu } from '../../sim/hardware/catalogue.ts';
import { findModel } from '../../sim/models/catalogue.ts';
import type { Case } from '../case.ts';
import type { Chart, DataFolder, Study } from '../study.ts';
import { type CapacityRecord, capacityRecord } from './capacity-record.ts';
import { deploymentText, describeRun, descriptionsIn, type RunDescription } from './run-description.ts';

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

/** Every recorded start that says what was found, and that the formula can be asked about; of the others, why not. */
async function recordedStarts(data: DataFolder): Promise<{ points: Point[]; skipped: string[] }> {
  const points: Point[] = [];
  const skipped: string[] = [];
  for (const path of descriptionsIn(await data.list()).filter(name => /(^|\/)vllm/.test(name))) {
    try {
      points.push(fromDescription(await describeRun(data, path)));
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      skipped.push(`left out: ${error.message}`);
    }
  }
  return { points, skipped };
}

function fromDescription(run: RunDescription): Point {
  const { path, cache, deployment, maxNumSeqs, maxNumBatchedTokens } = run;
  if (!cache) throw new UsageError(`${path}: it does not say what KV cache it found room for`);
  if (cache.wasSet) throw new UsageError(`${path}: its KV cache was set, not measured`);
  if (!maxNumSeqs || !maxNumBatchedTokens) throw new UsageError(`${path}: it does not say the largest step`);
  const { blocks, blockSize } = cache;
  const [major = 0, minor = 0] = run.version.split('.').map(Number);
  const capacity = kvCapacity({
    ...deployment,
    gpu: { ...deployment.gpu, memory: run.gpuMemory ?? deployment.gpu.memory },
    gpuMemoryUtilization: run.gpuMemoryUtilization,
    maxNumBatchedTokens,
    maxNumSeqs,
    compiles: run.compiles,
    profiler: major === 0 && minor < 17 ? 'vllm-0.16' : 'vllm-0.19',
  });
  return {
    figure: {
      what: `${deploymentText(deployment)}: KV blocks of ${blockSize}`,
      source: `vllm ${run.version}, recorded run (LLMServingSim)`,
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
