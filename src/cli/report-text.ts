import type { Comparison } from '../sim/compare-runs.ts';
import type { ExperimentResult, PolicyResult } from '../sim/experiment.ts';
import type { Interval } from '../sim/statistics.ts';
import { duration, number, percent, table, whole, wrap } from './format.ts';

/** A head, and rows of as many columns. */
export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The result of an experiment as a person reads it: tables, then plain sentences. */
export function experimentText(experiment: ExperimentResult): string {
  const parts = [wrap(title(experiment)), ...tables(experiment).map(({ head, rows }) => table(head, rows))];
  const said = sentences(experiment).map(text => wrap(text));
  if (said.length > 0) parts.push(said.join('\n'));
  if (experiment.notes.length > 0) {
    parts.push(experiment.notes.map(note => wrap(`note: ${note}`)).join('\n'));
  }
  return parts.join('\n\n');
}

export function tables({ results }: ExperimentResult): Table[] {
  return [speedTable(results), memoryTable(results), timeTable(results)];
}

/** "A served 3.1 times the rate of B", for each comparison. */
export function sentences({ config, comparisons, results }: ExperimentResult): string[] {
  const timed = config.trace !== undefined || config.request_rate !== 'inf';
  return comparisons.map(comparison => sentence(comparison, results, timed));
}

/** What was run, in a line. */
export function title({ config, results }: ExperimentResult): string {
  const { model, gpu, tensor_parallel: tp, trace, workload, request_rate: rate, replications } = config;
  const closed = workload === 'closed-loop' ? `${config.users} users` : undefined;
  const open = rate === 'inf' ? 'all at once' : `${rate} requests/s`;
  const load = trace?.split(/[/\\]/).at(-1) ?? `${workload}, ${closed ?? open}`;
  const total = results[0]!.completed + results[0]!.failed + results[0]!.aborted;
  const seeds = replications! > 1 ? `, mean of ${replications} seeds` : '';
  const name = /[/\\]/.test(model) ? modelName(model) : model;
  return `${name} on ${tp > 1 ? `${tp} × ` : ''}${gpu} · ${load} · ${whole(total)} requests${seeds}`;
}

/** A config.json is known by its folder. */
function modelName(path: string): string {
  const parts = path.split(/[/\\]/);
  return (parts.at(-1) === 'config.json' ? parts.at(-2) : parts.at(-1)?.replace(/\.json$/, '')) || path;
}

function speedTable(results: readonly PolicyResult[]): Table {
  const goodput = results.some(result => result.request_goodput !== undefined);
  const head = [
    'policy',
    'req/s',
    'out tok/s',
    'TTFT p50',
    'TTFT p99',
    'TPOT p50',
    'TPOT p99',
    'E2E mean',
    's/token',
  ];
  // In the place of the last column: more would not fit.
  if (goodput) head.splice(-1, 1, 'good/s');
  return {
    head,
    rows: results.map(r => {
      // Nobody was served: there is nothing that could have taken no time.
      if (r.completed === 0) return [r.policy, ...head.slice(1).map(() => '–')];
      const row = [
        r.policy,
        number(r.request_throughput),
        whole(r.output_throughput),
        duration(r.median_ttft_ms),
        duration(r.p99_ttft_ms),
        duration(r.median_tpot_ms),
        duration(r.p99_tpot_ms),
        duration(r.mean_e2el_ms),
        number(r.mean_normalized_latency),
      ];
      if (goodput) row.splice(-1, 1, number(r.request_goodput ?? 0));
      return row;
    }),
  };
}

function memoryTable(results: readonly PolicyResult[]): Table {
  const kinds = ['token', 'reserved', 'internal', 'external', 'cached', 'free'] as const;
  return {
    head: ['KV memory', ...kinds, 'waste', 'batch', 'preempt', 'hits'],
    rows: results.map(r => [
      r.policy,
      ...kinds.map(kind => percent(r.memory[kind])),
      percent(r.waste),
      number(r.mean_batch_size),
      whole(r.preemptions),
      r.prefix_cache_queries > 0 ? percent(r.prefix_cache_hits / r.prefix_cache_queries) : '–',
    ]),
  };
}

/** Why decode leaves the arithmetic idle: what each step's time was bound by. */
function timeTable(results: readonly PolicyResult[]): Table {
  return {
    head: ['step time', 'compute', 'bandwidth', 'overhead', 'FLOPs', 'bytes', 'largest terms'],
    rows: results.map(r => {
      const terms = Object.entries(r.cost.terms).sort((a, b) => b[1] - a[1]);
      const largest = terms
        .slice(0, 2)
        .filter(([, seconds]) => seconds > 0)
        .map(([name, seconds]) => `${name} ${percent(seconds / r.cost.seconds)}`);
      return [
        r.policy,
        percent(r.cost.compute_bound),
        percent(r.cost.bandwidth_bound),
        percent(r.cost.overhead),
        percent(r.cost.mfu),
        percent(r.cost.mbu),
        largest.join(', '),
      ];
    }),
  };
}

/** @param timed requests came at a given rate: who serves them all at it can do no more. */
function sentence(comparison: Comparison, results: readonly PolicyResult[], timed: boolean): string {
  const { policy, baseline } = comparison;
  const of = (name: string) => results.find(result => result.policy === name)!;
  const [a, b] = [of(policy), of(baseline)];
  if (a.completed === 0 || b.completed === 0) {
    const none = [a, b].filter(result => result.completed === 0).map(result => result.policy);
    return `${none.join(' and ')} completed no request: ${policy} and ${baseline} cannot be compared.`;
  }
  const even = timed && Math.abs(comparison.request_throughput.estimate - 1) < 0.03;
  const served = even
    ? `${policy} and ${baseline} both kept up with what came`
    : `${policy} served ${times(comparison.request_throughput)} times the rate of ${baseline}`;
  return (
    `${served}; ${even ? `the mean latency of ${policy}` : 'its mean latency'} was ` +
    `${times(comparison.mean_e2el_ms)} times as long; ${percent(a.memory.token)} of its KV memory held ` +
    `tokens against ${percent(b.memory.token)}.`
  );
}

/** "3.10 (95 % interval 3.02 to 3.17)"; the estimate alone where there was nothing to resample. */
function times({ estimate, low, high }: Interval): string {
  if (low === undefined || high === undefined) return `${number(estimate)} (one run: no interval)`;
  const [from, to] = [number(low), number(high)];
  return from === to ? number(estimate) : `${number(estimate)} (95 % interval ${from} to ${to})`;
}
