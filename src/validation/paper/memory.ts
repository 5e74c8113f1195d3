import { orcaMax, orcaOracle, orcaPow2 } from '../../core/policies/orca.ts';
import type { Policy } from '../../core/policies/policy.ts';
import type { Config } from '../../sim/config.ts';
import { meanOf } from '../../sim/statistics.ts';
import type { Case } from '../case.ts';
import type { Chart, Study, StudyContext } from '../study.ts';
import { paperVllm } from './setup.ts';
import { runWindow, type Span, type Window } from './window.ts';

interface System {
  readonly name: string;
  readonly policy: Policy;
  /** Fig. 2, shares of the KV memory in percent; the last is what the other three leave. */
  readonly breakdown: Partial<Record<Part, number>>;
  /** Fig. 13a and 13b: requests batched. */
  readonly batch: Record<'sharegpt' | 'alpaca', number>;
}

/** Of a bar of Fig. 2, from below. */
const parts = ['token states', 'reservation', 'internal fragmentation', 'external & others'] as const;
type Part = (typeof parts)[number];

const bar = (token: number, reserved: number, internal: number, rest: number) => ({
  'token states': token,
  reservation: reserved,
  'internal fragmentation': internal,
  'external & others': rest,
});

const systems: readonly System[] = [
  {
    name: 'Orca (Max)',
    policy: orcaMax,
    breakdown: bar(20.4, 13.3, 57.3, 8.9),
    batch: { sharegpt: 7, alpaca: 7 },
  },
  {
    name: 'Orca (Pow2)',
    policy: orcaPow2,
    breakdown: bar(26.8, 17.9, 13.6, 41.6),
    batch: { sharegpt: 9.81, alpaca: 43.24 },
  },
  {
    name: 'Orca (Oracle)',
    policy: orcaOracle,
    breakdown: bar(38.2, 25.2, 0, 36.6),
    batch: { sharegpt: 13.62, alpaca: 72.75 },
  },
  {
    name: 'vLLM',
    policy: paperVllm,
    // What is not tokens is printed as a whole: the rest of the last blocks, and free ones.
    breakdown: { 'token states': 96.3 },
    batch: { sharegpt: 30.42, alpaca: 132.44 },
  },
];

interface Experiment {
  readonly config: Config;
  readonly span: Span;
  /** Runs of one system, each with its own requests. */
  readonly seeds: number;
}

/** As the artifact ran Fig. 2 (`fig2.sh`, `plot_fig2.py`): twice what vLLM can serve, minutes 5 to 15. */
const fig2: Experiment = {
  config: { workload: 'sharegpt', request_rate: 4 },
  span: { duration: 900, from: 300, to: 900 },
  seeds: 2,
};

/** From minute 10 on (`plot_fig13.py`), and 5 on Alpaca: Orca's memory is full within the first. */
const fig13 = {
  sharegpt: {
    config: { workload: 'sharegpt', request_rate: 2 },
    span: { duration: 2100, from: 600, to: 2100 },
    seeds: 2,
  },
  alpaca: {
    config: { workload: 'alpaca', request_rate: 30 },
    span: { duration: 600, from: 300, to: 600 },
    seeds: 1,
  },
} as const satisfies Record<string, Experiment>;

/** vLLM is at the edge of keeping up, where batches swing for minutes: an hour, as in the paper, and more of them. */
const edge = {
  sharegpt: { ...fig13.sharegpt, span: { duration: 3600, from: 600, to: 3600 }, seeds: 3 },
  alpaca: { ...fig13.alpaca, span: { duration: 1200, from: 600, to: 1200 }, seeds: 2 },
} as const satisfies Record<string, Experiment>;

/** Where the KV memory goes, and how many requests it lets run: Fig. 2 and Fig. 13 of the vLLM paper. */
export const paperMemory: Study = {
  name: 'paper-memory',
  suite: 'paper',
  title: 'Where KV memory goes, and how many requests it batches',
  needsData: false,
  async run(context) {
    const cases: Case[] = [];
    const batches: Record<'sharegpt' | 'alpaca', [string, number][]> = { sharegpt: [], alpaca: [] };
    const bars = Object.fromEntries(parts.map(part => [part, [] as [string, number][]])) as Record<
      Part,
      [string, number][]
    >;
    for (const [i, system] of systems.entries()) {
      const progress = (step: number) => report(context, (i + step / 3) / systems.length, system.name);
      progress(0);
      const predicted = breakdown(runAll(system, fig2));
      for (const part of parts) {
        bars[part].push([system.name, predicted[part]]);
        const measured = system.breakdown[part];
        if (measured !== undefined) cases.push(shareCase(system.name, part, measured, predicted[part]));
      }
      for (const workload of ['sharegpt', 'alpaca'] as const) {
        progress(workload === 'sharegpt' ? 1 : 2);
        const experiment = (system.policy === paperVllm ? edge : fig13)[workload];
        const batch = meanOf(runAll(system, experiment).map(window => window.batch));
        batches[workload].push([system.name, batch]);
        cases.push(batchCase(system, workload, batch));
      }
    }
    return { cases, charts: [breakdownChart(bars), ...batchCharts(batches)], notes };
  },
};

const notes = [
  'Fig. 2 is said to be "the experiment in §6.2"; the artifact ran it at 4 requests/s, which no system keeps up ' +
    'with, and averaged over the iterations of minutes 5 to 15.',
  'Two things are fitted to figures of this table: the spread of the lengths, of which the paper prints the means ' +
    'only (to the rows of Orca, which no speed changes), and the CPU time of a sequence (to the two batches of vLLM).',
  "The Orca of the paper is its authors' re-implementation on the engine of vLLM.",
];

function report(context: StudyContext, done: number, label: string): void {
  context.progress?.(done, label);
}

function runAll({ policy }: System, { config, span, seeds }: Experiment): Window[] {
  return Array.from({ length: seeds }, (_, seed) => runWindow(policy, { ...config, seed }, span));
}

function breakdown(windows: readonly Window[]): Record<Part, number> {
  const share = (kind: Parameters<Window['share']>[0]) =>
    100 * meanOf(windows.map(window => window.share(kind)));
  const [token, reserved, internal] = [share('token'), share('reserved'), share('internal')];
  return bar(token, reserved, internal, 100 - token - reserved - internal);
}

function shareCase(system: string, part: Part, measured: number, predicted: number): Case {
  return {
    what: `OPT-13B, ShareGPT, overloaded: ${part} of ${system}`,
    source: 'vLLM paper, Fig. 2',
    unit: '%',
    measured,
    predicted,
    bound: 3,
    points: true,
  };
}

function batchCase(system: System, workload: 'sharegpt' | 'alpaca', predicted: number): Case {
  const alpaca = workload === 'alpaca';
  return {
    what: `OPT-13B, ${alpaca ? 'Alpaca at 30' : 'ShareGPT at 2'} requests/s: batch of ${system.name}`,
    source: `vLLM paper, Fig. 13${alpaca ? 'b' : 'a'}`,
    unit: '',
    measured: system.batch[workload],
    predicted,
    bound: alpaca ? 0.1 : 0.05,
  };
}

function breakdownChart(bars: Record<Part, [string, number][]>): Chart {
  return {
    title: 'KV memory (Fig. 2)',
    kind: 'stack',
    x: { label: '' },
    y: { label: '% of the KV memory', max: 100 },
    series: parts.map(part => ({
      name: part,
      points: bars[part],
      published: systems.flatMap(({ name, breakdown }) =>
        breakdown[part] === undefined ? [] : [[name, breakdown[part]] as const],
      ),
    })),
  };
}

function batchCharts(batches: Record<'sharegpt' | 'alpaca', [string, number][]>): Chart[] {
  return (['sharegpt', 'alpaca'] as const).map(workload => ({
    title: workload === 'sharegpt' ? 'ShareGPT, 2 requests/s (Fig. 13a)' : 'Alpaca, 30 requests/s (Fig. 13b)',
    kind: 'bars',
    x: { label: '' },
    y: { label: 'requests batched' },
    series: [
      {
        name: 'requests batched',
        points: batches[workload],
        published: systems.map(({ name, batch }) => [name, batch[workload]] as const),
      },
    ],
  }));
}
