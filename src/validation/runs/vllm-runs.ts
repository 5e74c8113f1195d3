import { UsageError } from '../../core/errors.ts';
import { completeConfig } from '../../sim/check-config.ts';
import { type PolicyResult, runExperiment } from '../../sim/experiment.ts';
import { type KernelChoice, openKernels } from '../../sim/kernels/open-kernels.ts';
import { Metrics } from '../../sim/metrics.ts';
import { quantile, summarise } from '../../sim/statistics.ts';
import type { Case } from '../case.ts';
import { AbsentData } from '../run-studies.ts';
import type { Chart, Study } from '../study.ts';
import { type RecordedRun, recordedRuns } from './recorded-run.ts';
import { deploymentText } from './run-description.ts';

/** Real vLLM, request by request: the same arrivals and lengths, with measured kernels and by roofline alone. */
export const vllmRuns: Study = {
  name: 'vllm-runs',
  suite: 'vllm-runs',
  title: 'Recorded runs of vLLM, request by request',
  needsData: true,
  async run({ data, progress }) {
    const { runs, skipped } = await recordedRuns(data!);
    if (runs.length === 0 && skipped.length === 0) {
      throw new AbsentData(
        `${data!.name}: no recorded run of vLLM; expected GPU_MODEL_vllm_meta.json and, beside it, ` +
          'GPU_MODEL_vllm_requests.csv',
      );
    }
    const cases: Case[] = [];
    const charts: Chart[] = [];
    const notes = [...skipped];
    for (const [i, run] of runs.entries()) {
      progress?.(i / runs.length, run.name);
      const roofline = await simulate(run);
      const { result } = roofline;
      if (result.total_output_tokens < outputTokens(run)) {
        notes.push(`left out: ${run.name}: not all of it was served: ${roofline.notes.join('; ')}`);
        continue;
      }
      notes.push(...conditionsOf(run));
      cases.push(...casesOf(run, result, 'roofline', { mean: 0.15, percentile: 0.15 }));
      const kernels = await openKernels(data!, run.description.deployment, ['vllm']).catch(error => {
        if (!(error instanceof UsageError)) throw error;
        notes.push(`${run.name}: by roofline only, ${error.message}`);
      });
      const tables = kernels && (await simulate(run, kernels));
      charts.push(
        ...chartsOf(run, {
          ...(tables && { 'measured kernels': tables.metrics }),
          roofline: roofline.metrics,
        }),
      );
      if (!kernels || !tables) continue;
      cases.push(...casesOf(run, tables.result, 'measured kernels', { mean: 0.02, percentile: 0.05 }));
      const { measured, interpolated, extrapolated, analytic } = tables.result.cost.basis;
      const share = (value: number) => `${(value * 100).toFixed(1)} %`;
      notes.push(
        `${run.name}: of the time with measured kernels ${share(measured)} was measured, ${share(interpolated)} ` +
          `interpolated, ${share(extrapolated)} extrapolated, ${share(analytic)} analytic (${kernels('vllm').source})`,
      );
    }
    return { cases, charts, notes };
  },
};

const outputTokens = ({ requests }: RecordedRun) =>
  requests.reduce((sum, { outputTokens: tokens }) => sum + tokens, 0);

/** What of the conditions was not written down. */
function conditionsOf(run: RecordedRun): string[] {
  const { name, description } = run;
  const unknown = unknownPrompts(run);
  return [
    description.cache ? '' : `${name}: KV blocks by formula, the run does not say them`,
    unknown === 0
      ? ''
      : `${name}: what ${unknown} of ${run.arrivals.length} prompts share is not known, so no bound: its prefix cache ` +
        `may have found what ours cannot (workload ${description.dataset ?? 'not named'})`,
  ].filter(note => note !== '');
}

/** How many prompts the server may have found in its prefix cache, and nobody can tell. */
const unknownPrompts = ({ description, arrivals }: RecordedRun): number =>
  description.prefixCaching ? arrivals.filter(({ tokens }) => tokens === undefined).length : 0;

interface Simulated {
  readonly result: PolicyResult;
  readonly notes: readonly string[];
  /** Request by request. */
  readonly metrics: Metrics;
}

async function simulate(run: RecordedRun, kernels?: KernelChoice): Promise<Simulated> {
  const { arrivals } = run;
  const config = completeConfig({ ...run.config, trace: run.name });
  const metrics = new Metrics();
  const { results, notes } = await runExperiment(config, {
    listener: () => metrics,
    model: run.description.deployment.model,
    ...(kernels && { kernels }),
    openTrace: async () => ({ name: run.name, count: arrivals.length, chunks: () => [arrivals] }),
  });
  return { result: results[0]!, metrics, notes };
}

/** Share of the requests that were served within a time, as measured and as simulated. */
function chartsOf(run: RecordedRun, simulated: Readonly<Record<string, Metrics>>): Chart[] {
  const figures = [
    ['TTFT', 'ttft', run.requests.map(({ arrival, firstToken }) => firstToken - arrival)],
    ['latency', 'e2el', run.requests.map(({ arrival, lastToken }) => lastToken - arrival)],
  ] as const;
  return figures.map(([title, name, measured]) => ({
    title: `${deploymentText(run.description.deployment)}: ${title}`,
    kind: 'lines',
    x: { label: 'requests (%)' },
    y: { label: `${title} (s)` },
    series: [
      ...Object.entries(simulated).map(([by, metrics]) => ({
        name: by,
        points: quantiles(metrics[name].values),
      })),
      { name: 'measured', points: [], published: quantiles(measured) },
    ],
  }));
}

function quantiles(values: ArrayLike<number>): [percent: number, seconds: number][] {
  const sorted = Float64Array.from(values).sort();
  return Array.from({ length: 26 }, (_, i) => [4 * i, quantile(sorted, i / 25)]);
}

const latencies = [
  ['TTFT', 'ttft'],
  ['TPOT', 'tpot'],
  ['latency', 'e2el'],
] as const;

function casesOf(
  run: RecordedRun,
  result: PolicyResult,
  by: string,
  bound: { readonly mean: number; readonly percentile: number },
): Case[] {
  const { requests } = run;
  const measured = {
    ttft: summary(requests.map(({ arrival, firstToken }) => firstToken - arrival)),
    tpot: summary(
      requests
        .filter(({ outputTokens }) => outputTokens > 1)
        .map(({ outputTokens, firstToken, lastToken }) => (lastToken - firstToken) / (outputTokens - 1)),
    ),
    e2el: summary(requests.map(({ arrival, lastToken }) => lastToken - arrival)),
  };
  return latencies.flatMap(([title, name]) =>
    (
      [
        ['mean', 'mean', bound.mean],
        ['median', 'p50', bound.percentile],
        ['p99', 'p99', bound.percentile],
      ] as const
    ).map(
      ([statistic, shown, limit]): Case => ({
        what: `${deploymentText(run.description.deployment)}: ${title} ${shown}, ${by}`,
        source: `vLLM ${run.description.version}, ${requests.length} requests (LLMServingSim)`,
        unit: 'ms',
        measured: measured[name][statistic] * 1000,
        predicted: result[`${statistic}_${name}_ms`],
        ...(unknownPrompts(run) === 0 && { bound: limit }),
      }),
    ),
  );
}

const summary = (values: readonly number[]) => summarise(Float64Array.from(values));
