import { quoted, UsageError } from '../../core/errors.ts';
import { fixedLengths } from '../../sim/workload/lengths.ts';
import { syntheticWorkload } from '../../sim/workload/synthetic.ts';
import type { Case } from '../case.ts';
import type { Study } from '../study.ts';
import { type GroundTruth, groundTruth } from './ground-truth.ts';
import { meanErrors, scatter, worstOf } from './mean-errors.ts';
import { MeasuredRuns } from './measured.ts';

/** Output tokens/s of TensorRT-LLM when everything is offered at once, newest release of each deployment. */
export const offlineThroughput: Study = {
  name: 'offline-throughput',
  suite: 'vendor',
  title: 'TensorRT-LLM with all requests at once (its performance overview)',
  needsData: true,
  async run({ data, progress }) {
    const wanted = 'perf-overview';
    const { rows, leftOut } = await groundTruth(data!, ({ source }) => source.includes(wanted));
    const runs = new MeasuredRuns(data!);
    const points: Case[] = [];
    const [groups, releases] = [new Map<string, Case[]>(), new Map<string, Case[]>()];
    for (const [i, row] of rows.entries()) {
      progress?.(i / rows.length, 'all at once');
      const point = await leftOut.attempt(1, () => simulate(runs, row));
      if (!point) continue;
      points.push(point);
      const release = `${row.policy.name} ${row.version}`;
      const { model, gpu } = row;
      add(releases, release, point);
      for (const group of ['all', release, `${model.name} on ${gpu.name}`])
        add(groups, `tokens/s, ${group}`, point);
    }
    leftOut.checkAnyLeft(points.length, wanted);
    return {
      cases: meanErrors(groups),
      charts: [scatter('output tokens/s', 'tokens/s', releases)],
      notes: [...conditions, ...worstOf(points), ...leftOut.notes],
    };
  },
};

/** Requests simulated at most: what comes after them is more of the same. */
const ENOUGH = 1000;

/** What is not known of the runs, and why nothing is held. */
const conditions = [
  `at most ${ENOUGH} requests of each row are simulated; with all of them the mean error is 24.1 %`,
  'no bound: the largest batch and step, which each engine was built with, were tuned and not published; here they are ' +
    'the defaults',
  'Mistral-7B is simulated as its first version, with a window of 4096 tokens; which version was run, and whether with ' +
    'its window, is not said, and 20000/2000 turns on it',
  'the CPU time of TensorRT-LLM 1.0 is that of its server, which streams; here nothing is streamed',
  'the KV cache is fp8 where the weights are, and has 95 % of the memory, "in the majority of cases"',
];

function add(groups: Map<string, Case[]>, group: string, point: Case): void {
  groups.set(group, [...(groups.get(group) ?? []), point]);
}

/** Requests by lengths, as the releases from 0.17 on list them. */
const listed: Readonly<Record<string, number>> = {
  '128/128': 30_000,
  '128/2048': 3000,
  '128/4096': 1500,
  '500/2000': 3000,
  '1000/1000': 3000,
  '1000/2000': 1500,
  '2048/128': 3000,
  '2048/2048': 1500,
  '5000/500': 1500,
  '20000/2000': 1000,
};

/** `max-load(2000 reqs INF rate)` names them; `max-load` leaves them to the list. */
function requestsOf({ load, inputTokens, outputTokens }: GroundTruth): number | undefined {
  if (!load.startsWith('max-load')) return undefined;
  const named = Number(/(\d+) reqs/.exec(load)?.[1]);
  return named > 0 ? named : listed[`${inputTokens}/${outputTokens}`];
}

async function simulate(runs: MeasuredRuns, row: GroundTruth): Promise<Case> {
  const { config, model, policy, gpu, inputTokens, outputTokens, metric, value } = row;
  if (metric !== 'output_throughput_total') throw new UsageError(`${metric} is not compared`);
  const offered = requestsOf(row);
  if (!offered) throw new UsageError(`load ${quoted(row.load)} does not say how many requests`);
  const count = Math.min(offered, ENOUGH);
  const result = await runs.run({
    config: {
      ...config,
      kv_cache_dtype: config.weights === 'fp8' ? 'fp8' : 'fp16',
      gpu_memory_utilization: 0.95,
      max_model_len: inputTokens + outputTokens,
      prefix_caching: 'off',
      max_tokens: 'exact',
    },
    model,
    policy,
    workload: syntheticWorkload({
      name: 'all at once',
      count,
      seed: 0,
      arrivals: { kind: 'all-at-once' },
      lengths: fixedLengths(inputTokens, outputTokens),
      content: false,
    }),
  });
  const name = `${policy.name} ${row.version}, ${model.name} in ${config.weights} on ${config.tensor_parallel} × ${gpu.name}`;
  return {
    what: `${name}, ${inputTokens}/${outputTokens}:`,
    source: row.source,
    unit: 'tokens/s',
    measured: value,
    predicted: result.output_throughput,
  };
}
